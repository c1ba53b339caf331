// @ts-check
/** The rules that send files of a kind to other datasets, and what they have been taught. */

/** The kinds of documents that Fairway recognises. */
export const KINDS = ["invoice", "receipt", "statement", "other"];

/** @typedef {{dataset_id: string, name: string | null}} Target `name`: null if the dataset was removed */
/** @typedef {{right: number, wrong: number, undecided: number}} Tally */
/** @typedef {{rules: Record<string, Target>, taught: Record<string, number>, model: {is_used: boolean, rules: Tally, learnt: Tally}}} Routing */

/** The rules as the API takes them: the id of a dataset by kind. @param {Record<string, string>} chosen by kind, or "" for files that stay */
export const rulesOf = (chosen) => Object.fromEntries(Object.entries(chosen).filter(([, id]) => id));

/** What is chosen for each kind. @param {Routing} routing @returns {Record<string, string>} */
export const chosenBy = ({ rules }) => Object.fromEntries(KINDS.map((kind) => [kind, rules[kind]?.dataset_id ?? ""]));

/** The kinds whose files are still to go to a dataset that was removed. @param {Routing} routing @param {Record<string, string>} chosen */
export const withoutTarget = ({ rules }, chosen) =>
  KINDS.filter((kind) => rules[kind]?.name === null && rules[kind].dataset_id === chosen[kind]);

/** @param {Tally} tally */
export const decisions = ({ right, wrong, undecided }) => right + wrong + undecided;

/** So many lessons are needed before what was taught is tried. */
export const LEAST_LESSONS = 3;

/** Whether what was taught is used, was tried, or is too little. @param {Routing} routing @returns {"used" | "tried" | "little"} */
export function stateOf({ taught, model }) {
  if (model.is_used) return "used";
  const lessons = Object.values(taught).reduce((sum, count) => sum + count, 0);
  return lessons < LEAST_LESSONS ? "little" : "tried";
}

/**
 * The datasets to which files of this one can go, by name.
 * @param {{id: string, name: string}[]} datasets @param {string} datasetId @param {string} locale
 */
export const others = (datasets, datasetId, locale) =>
  datasets.filter(({ id }) => id !== datasetId).sort((a, b) => a.name.localeCompare(b.name, locale));

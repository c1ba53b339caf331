// @ts-check
/** Moves chosen files to another dataset, and back. */
import { sendAll, sum } from "./actions.js";
import { t } from "./i18n.js";
import { say, sayError } from "./parts/toasts.js";
import { said } from "./said.js";
import { api } from "./session.js";

const MOST_IDS = 1000;

/**
 * Move files, and offer to undo it. Resolves to the number of files that were moved.
 * @param {import("./actions.js").Files} files @param {{id: string, name: string}} to @param {string} [kind] what the files are
 */
export async function move(files, to, kind = "") {
  const answers = await sendAll(`/datasets/${files.datasetId}/moves`, files, { to: to.id, ...(kind ? { kind } : {}) }, MOST_IDS);
  const moves = answers.flatMap(({ id }) => (id ? [id] : []));
  const count = sum(answers);
  sayStayed(answers);
  if (count) say(t("moved", { count, name: to.name }), { act: { label: t("undo"), run: () => moveBack(moves) } });
  return count;
}

/** @param {string[]} moves ids of requests that moved files */
async function moveBack(moves) {
  const answers = [];
  try {
    for (const id of moves) answers.push(await api.create(`/moves/${id}/undo`, {}));
  } catch (error) {
    sayError(error);
  }
  sayStayed(answers);
  if (sum(answers)) say(t("moved_back", { count: sum(answers) }));
}

/** Say which files were not moved, and why. @param {any[]} answers */
function sayStayed(answers) {
  for (const [reason, count] of reasonsOf(answers)) say(t("not_moved", { count, reason: said("stays.", reason) }), { kind: "error" });
}

/** How many files were not moved for each reason. @param {{not_moved: {id: string, reason: string}[]}[]} answers @returns {Map<string, number>} */
export function reasonsOf(answers) {
  const reasons = new Map(answers.flatMap(({ not_moved: stayed }) => stayed).map(({ id, reason }) => [id, reason])); // each file once
  const counts = new Map();
  for (const reason of reasons.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

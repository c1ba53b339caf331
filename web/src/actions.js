// @ts-check
/** What a person does with chosen files: approve, remove with undo, and run again. */
import { conditionsOf } from "./data/listing.js";
import { t } from "./i18n.js";
import { say, sayError } from "./parts/toasts.js";
import { api } from "./session.js";

/**
 * @typedef {{datasetId: string, ids: string[]} | {datasetId: string, filter: import("./data/listing.js").Filter}} Files
 *   files by id, or all of a filter
 */

const AT_ONCE = 10_000;

/** @param {string} datasetId @param {string[]} ids @returns {Files} */
export const filesOf = (datasetId, ids) => ({ datasetId, ids });

/**
 * The bodies of the requests that name these files. One with conditions is repeated while it leaves some.
 * @param {Files} files @param {number} [most] ids in a request @returns {{file_ids?: string[], where?: any[]}[]}
 */
export function bodiesOf(files, most = AT_ONCE) {
  if ("ids" in files) {
    const count = Math.ceil(files.ids.length / most);
    return Array.from({ length: count }, (_, index) => ({ file_ids: files.ids.slice(index * most, (index + 1) * most) }));
  }
  const where = conditionsOf(files.filter);
  if (where.length) return [{ where }];
  // The API takes no request for everything, but these two together are.
  return ["ne", "eq"].map((op) => ({ where: [{ field: "@state", op, value: "upload_missing" }] }));
}

/**
 * Send a request for files, again while there are more of them. Resolves to the answers; says what went wrong.
 * @param {string} path @param {Files} files @param {Record<string, any>} [more] @param {number} [most] ids in a request
 * @returns {Promise<any[]>}
 */
export async function sendAll(path, files, more = {}, most = AT_ONCE) {
  const answers = [];
  try {
    for (const body of bodiesOf(files, most)) {
      let answer;
      do {
        answer = await api.create(path, { ...body, ...more }).catch(ignoreNone);
        if (answer) answers.push(answer);
      } while (answer?.has_more && answer.count > 0);
    }
  } catch (error) {
    sayError(error);
  }
  return answers;
}

/** @param {any} error conditions that no file fulfils are no problem */
function ignoreNone(error) {
  if (error.status !== 404 || error.code !== "not_found") throw error;
  return null;
}

/** @param {any[]} answers */
export const sum = (answers) => answers.reduce((total, { count }) => total + count, 0);
/** @param {any[]} answers */
const changedBy = (answers) => answers.reduce((total, { changed }) => total + changed, 0);

/** Remove files, and offer to bring them back. @param {Files} files */
export async function remove(files) {
  const removals = await sendAll(`/datasets/${files.datasetId}/removals`, files);
  const ids = removals.map(({ id }) => id);
  const count = sum(removals);
  if (ids.length) say(t("removed", { count }), { act: { label: t("undo"), run: () => undo(ids, count) } });
}

/** @param {string[]} removals @param {number} count */
export async function undo(removals, count) {
  try {
    for (const id of removals) await api.post(`/removals/${id}/undo`);
    say(t("brought_back", { count }));
  } catch (error) {
    sayError(error);
  }
}

/** Run the failed step of files again. @param {Files} files */
export async function retry(files) {
  if (!("ids" in files)) {
    const answers = await sendAll(`/datasets/${files.datasetId}/redrive`, files);
    return say(t("retried", { count: sum(answers) }));
  }
  let count = 0;
  try {
    for (const id of files.ids) {
      await api.post(`/files/${id}/redrive`, {});
      count += 1;
    }
  } catch (error) {
    sayError(error);
  }
  if (count) say(t("retried", { count }));
}

/** Approve the records of files, and offer to undo it. @param {Files} files */
export async function approve(files) {
  const answers = await sendAll(`/datasets/${files.datasetId}/reviews`, files, { state: "approved" });
  if (answers.length === 0) return;
  const reviews = answers.flatMap(({ id }) => (id ? [id] : []));
  const act = reviews.length ? { label: t("undo"), run: () => undoReviews(reviews) } : undefined;
  say(t("approved", { count: changedBy(answers) }), { act });
}

/** Give records the review that they had before. @param {string[]} reviews ids of requests that set reviews */
async function undoReviews(reviews) {
  try {
    const answers = [];
    for (const id of reviews) answers.push(await api.create(`/reviews/${id}/undo`, {}));
    const [count, changed] = [sum(answers), changedBy(answers)];
    say(changed === count ? t("undone", { count }) : t("undone_some", { count, changed }));
  } catch (error) {
    sayError(error);
  }
}

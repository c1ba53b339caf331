// @ts-check
/** What a person does with chosen files: remove with undo, and run again. */
import { t } from "./i18n.js";
import { say, sayError } from "./parts/toasts.js";
import { api } from "./session.js";

const REMOVED_AT_ONCE = 10_000;

/** Remove files, and offer to bring them back. @param {string} datasetId @param {string[]} ids */
export async function remove(datasetId, ids) {
  /** @type {string[]} */
  const removals = [];
  let count = 0;
  try {
    for (let at = 0; at < ids.length; at += REMOVED_AT_ONCE) {
      const some = ids.slice(at, at + REMOVED_AT_ONCE);
      const removal = await api.create(`/datasets/${datasetId}/removals`, { file_ids: some });
      removals.push(removal.id);
      count += removal.count;
    }
  } catch (error) {
    sayError(error);
  }
  if (removals.length) say(t("removed", { count }), { act: { label: t("undo"), run: () => undo(removals, count) } });
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

/** Run the failed step of files again. @param {string[]} ids */
export async function retry(ids) {
  let count = 0;
  try {
    for (const id of ids) {
      await api.post(`/files/${id}/redrive`, {});
      count += 1;
    }
  } catch (error) {
    sayError(error);
  }
  if (count) say(t("retried", { count }));
}

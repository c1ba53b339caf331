// @ts-check
/** How many files are still to be sent to a dataset, for its card. */
import { number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { runsOf } from "../uploads/uploads.js";

/** @param {{datasetId: string}} props */
export function UploadNote({ datasetId }) {
  const active = runsOf(datasetId).filter((run) => run.version.value >= 0 && run.isActive); // drawn again at each change
  if (active.length === 0) return null;
  const sum = (/** @type {"added" | "arrived"} */ name) => active.reduce((count, run) => count + run.counts[name], 0);
  return html`<span class="note">${t("upload.note", { count: sum("added") - sum("arrived"), shown: number(sum("added")) })}</span>`;
}

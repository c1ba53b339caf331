// @ts-check
/** How many files are still to be sent to a dataset, for its card. */
import { number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { runs } from "../uploads/uploads.js";

/** @param {{datasetId: string}} props */
export function UploadNote({ datasetId }) {
  const run = runs.value.get(datasetId);
  if (!run) return null;
  run.version.value; // drawn again at each change
  return run.isActive ? html`<span class="note">${t("upload.note", { count: run.counts.added - run.counts.arrived, shown: number(run.counts.added) })}</span>` : null;
}

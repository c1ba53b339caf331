// @ts-check
/** Exports the rows of the current filter, in a format that the person chooses. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { pause } from "../api.js";
import { conditionsOf } from "../data/listing.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { causeText, problemText } from "../sentences.js";
import { api } from "../session.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";

const FORMATS = ["csv", "xlsx", "jsonl", "parquet"];
const ASK_EVERY_MS = 700;

/** @param {{dataset: import("../data/dataset.js").Dataset, onClose: () => void}} props */
export function ExportDialog({ dataset, onClose }) {
  const task = useSignal(/** @type {any} */ (null));
  const problem = useSignal("");
  const ending = useRef(new AbortController());
  useEffect(() => () => ending.current.abort(), []);
  const filter = dataset.filter.value;
  const where = conditionsOf(filter);
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    problem.value = "";
    const format = event.target.elements.format.value;
    try {
      task.value = await api.create(`/datasets/${dataset.id}/exports`, {
        format,
        ...(where.length ? { where } : {}),
        ...(filter.sort ? { sort: filter.sort } : {}),
      });
      while (["waiting", "running"].includes(task.value.state) && !ending.current.signal.aborted) {
        await pause(ASK_EVERY_MS, ending.current.signal);
        task.value = await api.get(`/exports/${task.value.id}`);
      }
      problem.value = task.value.error ? causeText(task.value.error) : "";
    } catch (error) {
      problem.value = problemText(error);
    }
  };
  const isBusy = ["waiting", "running"].includes(task.value?.state);
  return html`<${Dialog} title=${t("dataset.export")} onClose=${onClose}>
    <form class="form" onSubmit=${submit}>
      <p>${t(where.length ? "export.filtered" : "export.all")}</p>
      <label for="format">${t("export.format")}</label>
      <select id="format" name="format">${FORMATS.map((name) => html`<option key=${name} value=${name}>${t(`export.${name}`)}</option>`)}</select>
      <p class="problem" role="alert">${problem.value}</p>
      <p role="status">${isBusy ? t("export.rows", { count: task.value.rows ?? 0 }) : task.value?.state === "done" ? t("export.done", { count: task.value.rows, shown: number(task.value.rows) }) : ""}</p>
      <div class="form-end">
        ${task.value?.url && html`<a class="button" href=${task.value.url} download><${Icon} name="download" />${t("export.download")}</a>`}
        <button class="primary" disabled=${isBusy}>${t("export.start")}</button>
      </div>
    </form>
  <//>`;
}

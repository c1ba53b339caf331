// @ts-check
/** Exports the rows of the current filter, in a format that the person chooses. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { pause } from "../api.js";
import { conditionsOf } from "../data/listing.js";
import { number, size } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { causeText, problemText } from "../sentences.js";
import { api } from "../session.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";

const FORMATS = ["csv", "xlsx", "jsonl", "parquet", "zip"];
const ASK_EVERY_MS = 700;

/** @param {{dataset: import("../data/dataset.js").Dataset, onClose: () => void}} props */
export function ExportDialog({ dataset, onClose }) {
  const task = useSignal(/** @type {any} */ (null));
  const problem = useSignal("");
  const chosen = useSignal(FORMATS[0]);
  const ending = useRef(new AbortController());
  useEffect(() => () => ending.current.abort(), []);
  const filter = dataset.filter.value;
  const where = conditionsOf(filter);
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    problem.value = "";
    const names = event.target.elements.names?.value.trim();
    try {
      task.value = await api.create(`/datasets/${dataset.id}/exports`, {
        format: chosen.value,
        ...(names ? { names } : {}),
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
  /** @type {{name: string, url: string, size_bytes: number}[]} */
  const several = task.value?.archives ?? [];
  const isBusy = ["waiting", "running"].includes(task.value?.state);
  return html`<${Dialog} title=${t("dataset.export")} onClose=${onClose}>
    <form class="form" onSubmit=${submit}>
      <p>${t(where.length ? "export.filtered" : "export.all")}</p>
      <label for="format">${t("export.format")}</label>
      <select id="format" name="format" value=${chosen.value} onChange=${(/** @type {any} */ event) => (chosen.value = event.target.value)}>${FORMATS.map((name) => html`<option key=${name} value=${name}>${t(`export.${name}`)}</option>`)}</select>
      ${chosen.value === "zip" && html`<${Names} columns=${dataset.columns().filter(({ type }) => !["array", "object"].includes(type))} />`}
      <p class="problem" role="alert">${problem.value}</p>
      <p role="status">${isBusy ? t("export.rows", { count: task.value.rows ?? 0 }) : task.value?.state === "done" ? t("export.done", { count: task.value.rows, shown: number(task.value.rows) }) : ""}</p>
      ${several.length > 1 && html`<ul class="downloads">
        ${several.map((each) => html`<li key=${each.name}><${Download} url=${each.url} label=${`${each.name} (${size(each.size_bytes)})`} /></li>`)}
        <li><${Download} url=${task.value.manifest_url} label="manifest.csv" /></li>
      </ul>`}
      <div class="form-end">
        ${task.value?.url && html`<${Download} url=${task.value.url} label=${t("export.download")} />`}
        <button class="primary" disabled=${isBusy}>${t("export.start")}</button>
      </div>
    </form>
  <//>`;
}

/** The template of the paths in a zip file. @param {{columns: import("../data/columns.js").Column[]}} props */
function Names({ columns }) {
  const places = columns.map(({ name }) => `{${name}}`);
  const date = columns.find(({ format }) => format === "date")?.name ?? "date";
  return html`<label for="names">${t("export.names")}</label>
    <input id="names" name="names" maxlength="300" autocomplete="off" spellcheck=${false} placeholder=${places.slice(0, 2).join("/")} aria-describedby="names-hint" />
    <p id="names-hint" class="faint">${t("export.names_hint", { places: [...places, "{@name}"].join(", "), example: `{${date}.year}` })}</p>`;
}

/** @param {{url: string, label: string}} props */
const Download = ({ url, label }) => html`<a class="button" href=${url} download><${Icon} name="download" />${label}</a>`;

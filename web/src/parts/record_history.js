// @ts-check
/** Who set which value of a record, when, and from which value. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fieldValue, moment } from "../format.js";
import { html } from "../html.js";
import { has, t } from "../i18n.js";
import { api } from "../session.js";

const HEADINGS = ["at", "what", "from", "to", "by"];

/** @param {{file: any, columns: import("../data/columns.js").Column[]}} props */
export function RecordHistory({ file, columns }) {
  const changes = useSignal(/** @type {any[] | null} */ (null));
  useEffect(() => {
    api.get(`/files/${file.id}/record/history`).then(
      (history) => (changes.value = history.changes),
      () => (changes.value = []),
    );
  }, [file.id, file.artifacts.record?.version]);
  if (changes.value === null) return html`<p class="faint">${t("loading")}</p>`;
  if (changes.value.length === 0) return html`<p class="faint">${t("changes.none")}</p>`;
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${t("tab.history")}>
    <table class="plain">
      <thead><tr>${HEADINGS.map((name) => html`<th key=${name} scope="col">${t(`changes.${name}`)}</th>`)}</tr></thead>
      <tbody>
        ${changes.value.map((change, index) => html`<${Change} key=${index} change=${change} columns=${columns} />`)}
      </tbody>
    </table>
  </div>`;
}

/** @param {{change: any, columns: import("../data/columns.js").Column[]}} props */
function Change({ change, columns }) {
  const column = columns.find(({ name }) => name === change.field);
  const shown = (/** @type {any} */ value) =>
    change.action === "review" && has(`review.${value}`) ? t(`review.${value}`) : fieldValue(value, column?.schema, column?.hasFractions);
  return html`<tr>
    <td>${moment(change.at)}</td>
    <td>${column?.title ?? change.field ?? t("changes.review")}</td>
    <td dir="auto">${shown(change.from)}</td>
    <td dir="auto">${shown(change.to)}</td>
    <td dir="auto">${change.person ?? t(`changes.${change.by}`)}</td>
  </tr>`;
}

// @ts-check
/** Where a file comes from and what became of it: its labels, its kind and the rule that sent it, the scan or
 * archive it was taken from, the files made of it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { moment, number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { addressOf } from "../router.js";
import { named, reasonText } from "../said.js";
import { api } from "../session.js";

/** @typedef {import("../data/row.js").Row} Row */

/** @param {{file: any, row: Row | null}} props `row`: that of the table, if it was read */
export function Origin({ file, row }) {
  return html`<${Labels} file=${file} row=${row} />
    ${file.kind && html`<${Kind} kind=${file.kind} />`}
    ${file.moved ? html`<${Moved} moved=${file.moved} />` : html`<${Stays} file=${file} />`}
    ${file.taken_from && html`<${TakenFrom} file=${file} />`}
    ${file.separated && html`<${Separated} file=${file} />`}`;
}

/** What the API answers for a path, or null until it has. @param {string | null} path */
function useAnswer(path) {
  const answer = useSignal(/** @type {any} */ (null));
  useEffect(() => {
    let isWanted = true;
    answer.value = null;
    if (path) api.get(path).then((found) => isWanted && (answer.value = found), () => {});
    return () => void (isWanted = false);
  }, [path]);
  return answer.value;
}

/** @param {{file: any, row: Row | null}} props */
function Labels({ file, row }) {
  const batch = useAnswer(row ? null : `/batches/${file.batch_id}`);
  const labels = row?.labels ?? batch?.labels ?? [];
  if (labels.length === 0) return null;
  return html`<ul class="labels" aria-label=${t("origin.labels")}>${labels.map((/** @type {string} */ label) => html`<li key=${label} class="label" dir="auto">${label}</li>`)}</ul>`;
}

/** What a file was recognised as, how surely and by what. @param {{kind: {name: string, probability: number, by: string}}} props */
function Kind({ kind: { name, probability, by } }) {
  const share = number(probability / 100, { style: "percent", maximumFractionDigits: 0 });
  return html`<p class="why-line">${t(`origin.kind.${by}`, { kind: named("recognised", name), share })}</p>`;
}

/** From which dataset a file was moved, when and by whom. @param {{moved: {from: string, by: "rule" | "person", at: string}}} props */
function Moved({ moved: { from, by, at } }) {
  const dataset = useAnswer(`/datasets/${from}`);
  const name = dataset ? html`<a href=${addressOf({ screen: "dataset", datasetId: from })} dir="auto">${dataset.name}</a>` : t("origin.other_dataset");
  return html`<p class="why-line">${t(`origin.moved.${by}`)} ${name}, ${moment(at)}</p>`;
}

/** Why no rule has sent a file elsewhere, where its dataset has rules. @param {{file: any}} props */
function Stays({ file }) {
  const reason = file.pipelines.main?.steps.find((/** @type {any} */ one) => one.step === "routing")?.reason;
  return reason ? html`<p class="why-line">${reasonText(reason)}</p>` : null;
}

/** @param {{file: any}} props */
function TakenFrom({ file }) {
  const { id, first_page: first, last_page: last } = file.taken_from;
  const source = useAnswer(`/files/${id}`);
  const link = html`<a href=${addressOf({ screen: "file", datasetId: file.dataset_id, fileId: id })} dir="auto">${source?.name ?? t("origin.source")}</a>`;
  return html`<p class="why-line">${t("origin.taken_from")} ${link}${first ? `, ${pagesText(first, last)}` : ""}</p>`;
}

/** @param {number} first @param {number} last */
const pagesText = (first, last) => (first === last ? t("origin.page", { number: first }) : t("origin.pages", { first, last }));

/** @param {{file: any}} props */
function Separated({ file }) {
  const { files, left_out: leftOut, reason } = file.separated;
  if (files.length === 0) return html`<p class="why-line">${reasonText(reason)}</p>`;
  return html`<div class="why-line">
    <p>${t("origin.separated", { count: files.length })}</p>
    <ul>
      ${files.map((/** @type {{id: string | null, pages: number[]}} */ part, /** @type {number} */ index) => {
        const text = pagesText(part.pages[0], part.pages[part.pages.length - 1]);
        const place = part.id && addressOf({ screen: "file", datasetId: file.dataset_id, fileId: part.id });
        return html`<li key=${index}>${place ? html`<a href=${place}>${text}</a>` : `${text} (${t("origin.not_kept")})`}</li>`;
      })}
    </ul>
    ${leftOut.length > 0 && html`<p>${t("origin.left_out")}</p>`}
    ${leftOut.length > 0 && html`<ul>${leftOut.map((/** @type {any} */ one) => html`<li key=${one.page}>${t("origin.page", { number: one.page })}: ${whyOf(one)}</li>`)}</ul>`}
  </div>`;
}

/** Why a page was left out. @param {{why: "separator" | "blank", ink: number, text: string | null}} page */
const whyOf = ({ why, ink, text }) =>
  why === "separator" && text ? t("origin.separator", { text }) : t("origin.blank", { share: number(ink, { style: "percent", maximumFractionDigits: 3 }) });

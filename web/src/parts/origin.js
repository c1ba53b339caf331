// @ts-check
/** Where a file comes from and what became of it: its labels, the scan or archive it was taken from, the files made of it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { addressOf } from "../router.js";
import { reasonText } from "../said.js";
import { api } from "../session.js";

/** @typedef {import("../data/row.js").Row} Row */

/** @param {{file: any, row: Row | null}} props `row`: that of the table, if it was read */
export function Origin({ file, row }) {
  return html`<${Labels} file=${file} row=${row} />
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

// @ts-check
/** The records of a file: one list of values for each document in it, and the review. */
import { joined } from "../data/pages.js";
import { valueOf } from "../data/taken.js";
import { html } from "../html.js";
import { has, t } from "../i18n.js";
import { noteText } from "../said.js";
import { may } from "../session.js";
import { Fields } from "./fields.js";
import { Icon } from "./icons.js";
import { say, sayError } from "./toasts.js";

/** @typedef {import("../data/file.js").FileDetails} FileDetails */

/**
 * @param {{details: FileDetails, columns: import("../data/columns.js").Column[], aim: Aim | null,
 *   onFocus: (proofs: import("../data/evidence.js").Proof[], field: Aim | null) => void}} props
 */
export function Records({ details, columns, aim, onFocus }) {
  const file = details.file.value;
  const records = file.records ?? [];
  if (records.length === 0) {
    return html`<p class="faint">${t(["processing", "uploading"].includes(file.state) ? "record.not_yet" : "record.none")}</p>`;
  }
  return records.map((/** @type {any} */ record, /** @type {number} */ index) => {
    const number = index + 1;
    return html`<section key=${record.id} aria-label=${t("record.number", { number, count: records.length })}>
      ${records.length > 1 && html`<h2>${t("record.number", { number, count: records.length })}</h2>`}
      <${Fields}
        columns=${columns}
        record=${record}
        aimed=${aim?.document === number ? aim.name : null}
        onFocus=${(/** @type {any} */ proofs, /** @type {string | null} */ name) => onFocus(proofs, name ? { document: number, name } : null)}
        onSave=${may("editor") ? (/** @type {string} */ name, /** @type {any} */ value) => save(details, number, name, value) : null}
        onReset=${(/** @type {string} */ name) => details.correct(number, { reset: [name] }).catch(sayError)}
      />
      ${record.notes.length > 0 && html`<ul class="notes">${record.notes.map((/** @type {string} */ note) => html`<li key=${note}>${noteText(note)}</li>`)}</ul>`}
    </section>`;
  });
}

/** @param {FileDetails} details @param {number} number @param {string} name @param {any} value */
async function save(details, number, name, value) {
  try {
    await details.correct(number, { fields: { [name]: value } });
    return true;
  } catch (error) {
    const [first] = /** @type {any} */ (error).errors ?? [];
    sayError(first ? new Error(`${name}: ${first.detail}`) : error);
    return false;
  }
}

/** @typedef {{document: number, name: string}} Aim the value that words of a page are to fill */

/**
 * Fill the focused field with words that the person selected on a page. Resolves to whether that was possible.
 * @param {FileDetails} details @param {import("../data/columns.js").Column[]} columns @param {Aim | null} field
 * @param {number} page @param {import("../data/pages.js").Word[]} words @param {boolean} isByTouch
 */
export async function take(details, columns, field, page, words, isByTouch) {
  const column = columns.find(({ name }) => name === field?.name);
  const found = joined(words);
  if (!field || !column || !found) return void say(t("take.no_field"));
  const value = valueOf(found.text, column);
  if (value === undefined) return void say(t(isByTouch ? "take.drag" : "take.unclear", { text: found.text, name: column.title }));
  const evidence = { [field.name]: { page, text: found.text, box: found.box } };
  const isDone = await details.correct(field.document, { fields: { [field.name]: value }, evidence }).then(() => true, sayError);
  getSelection()?.removeAllRanges();
  return isDone;
}

/** The state of the review, and its buttons. @param {{details: FileDetails, onApprove: () => void}} props */
export function ReviewBar({ details, onApprove }) {
  const { review } = details.file.value;
  if (!review) return null;
  const set = (/** @type {"open" | "rejected"} */ state) => details.review(state).catch(sayError);
  const isDecided = review === "approved" || review === "rejected";
  return html`<div class="review-bar">
    <span class=${`review-state ${review}`}>
      <${Icon} name=${review === "approved" ? "check" : review === "rejected" ? "cross" : review === "needed" ? "warning" : "clock"} size=${14} />
      ${has(`review.${review}`) ? t(`review.${review}`) : review}
    </span>
    <span class="gap"></span>
    ${may("editor") &&
    html`${isDecided && html`<button type="button" onClick=${() => set("open")}>${t("review.reopen")}</button>`}
      ${review !== "rejected" && html`<button type="button" onClick=${() => set("rejected")}>${t("review.reject")}</button>`}
      <button type="button" class="primary" title="Ctrl+Enter" onClick=${onApprove}><${Icon} name="check" />${t("review.approve_next")}</button>`}
  </div>`;
}

// @ts-check
/** The values of a record beside its page: what is missing or doubtful comes first. */
import { useMemo } from "preact/hooks";
import { inReviewOrder, proofsOf } from "../data/evidence.js";
import { kindOf } from "../data/input.js";
import { fieldValue } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { FieldInput } from "./field_input.js";

/** @typedef {import("../data/columns.js").Column} Column */
/** @typedef {(name: string, value: any) => Promise<boolean>} Save */

/**
 * @param {{columns: Column[], record: any, onFocus: (proofs: import("../data/evidence.js").Proof[], name: string) => void,
 *   onSave: Save | null, onReset: (name: string) => void}} props `onSave`: null for a person who may only read
 */
export function Fields({ columns, record, onFocus, onSave, onReset }) {
  // The order stays while a person works, so that a value does not jump away once it is corrected.
  const order = useMemo(() => inReviewOrder(columns, record).map(({ column }) => column.name), [record.id, columns]);
  const now = new Map(inReviewOrder(columns, record).map((entry) => [entry.column.name, entry]));
  return html`<ul class="fields">
    ${order.map((name) => {
      const entry = now.get(name);
      if (!entry) return null;
      const { column, condition } = entry;
      const proofs = proofsOf(record.evidence, name);
      const show = () => onFocus(proofs, name);
      const value = record.fields[name];
      const isEditable = onSave !== null && kindOf(column, value) !== "none";
      return html`<li key=${name} class=${`field ${condition}`} onFocusIn=${show} tabindex=${isEditable ? undefined : 0}>
        <label class="field-name" for=${isEditable ? idOf(record, name) : undefined}>
          ${column.title} <${Condition} condition=${condition} by=${record.by?.[name]} />
        </label>
        ${isEditable
          ? html`<${FieldInput} id=${idOf(record, name)} column=${column} value=${value} onSave=${(/** @type {any} */ next) => onSave(name, next)} />`
          : html`<${FieldValue} value=${value} column=${column} />`}
        ${proofs[0]?.text && html`<span class="field-proof" dir="auto">${t("field.proof", { page: proofs[0].page, text: proofs[0].text })}</span>`}
        ${onSave && record.by?.[name] === "person" && html`<button type="button" class="small" onClick=${() => onReset(name)}>${t("field.reset")}</button>`}
      </li>`;
    })}
  </ul>`;
}

/** @param {any} record @param {string} name */
const idOf = (record, name) => `field-${record.id}-${name}`;

/** @param {{condition: string, by: string | undefined}} props */
function Condition({ condition, by }) {
  if (by === "person") return html`<span class="by-person">${t("value.by_person")}</span>`;
  if (by === "memory" && condition === "found") return html`<span class="by-person">${t("value.by_memory")}</span>`;
  return condition === "missing" || condition === "doubtful" ? html`<em>${t(`value.${condition}`)}</em>` : null;
}

/** @param {{value: any, column: Column}} props */
function FieldValue({ value, column }) {
  if (Array.isArray(value) && value.some((item) => item && typeof item === "object")) {
    return html`<${Items} items=${value} />`;
  }
  return html`<span class="field-value" dir="auto">${fieldValue(value, column.schema) || t("value.none")}</span>`;
}

/** Line items as a small table. @param {{items: any[]}} props */
function Items({ items }) {
  const names = [...new Set(items.flatMap((item) => Object.keys(item ?? {})))];
  return html`<div class="items">
    <table>
      <thead><tr>${names.map((name) => html`<th key=${name} scope="col">${name.replaceAll("_", " ")}</th>`)}</tr></thead>
      <tbody>
        ${items.map(
          (item, index) => html`<tr key=${index}>
            ${names.map((name) => html`<td key=${name} class=${typeof item?.[name]} dir="auto">${fieldValue(item?.[name])}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

// @ts-check
/** The values of a record beside its page: what is missing or doubtful comes first. */
import { useMemo } from "preact/hooks";
import { inReviewOrder, proofsOf } from "../data/evidence.js";
import { itemColumnsOf } from "../data/items.js";
import { kindOf } from "../data/input.js";
import { fieldValue } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { FieldInput } from "./field_input.js";
import { ItemsInput, ItemsTable } from "./items_input.js";

/** @typedef {import("../data/columns.js").Column} Column */
/** @typedef {(name: string, value: any) => Promise<boolean>} Save */

/**
 * @param {{columns: Column[], record: any, aimed: string | null, onFocus: (proofs: import("../data/evidence.js").Proof[], name: string) => void,
 *   onSave: Save | null, onReset: (name: string) => void}} props `aimed`: the value that words of the page fill; `onSave`: null for a person who may only read
 */
export function Fields({ columns, record, aimed, onFocus, onSave, onReset }) {
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
      const id = idOf(record, name);
      const isList = onSave !== null && itemColumnsOf(column).length > 0;
      const isInput = onSave !== null && kindOf(column, value) !== "none";
      const save = (/** @type {any} */ next) => /** @type {Save} */ (onSave)(name, next);
      const showItem = (/** @type {number} */ index) => onFocus(proofsOf(record.evidence, `${name}[${index}]`), name);
      const kind = [condition === "empty" ? "field" : `field ${condition}`, ...(onSave && name === aimed ? ["aimed"] : [])].join(" ");
      return html`<li key=${name} class=${kind} onFocusIn=${isList ? undefined : show} tabindex=${isInput || isList ? undefined : 0}>
        <${isInput ? "label" : "span"} class="field-name" for=${isInput ? id : undefined}>
          ${column.title} <${Condition} condition=${condition} by=${record.by?.[name]} />
        <//>
        ${isList
          ? html`<${ItemsInput} id=${id} column=${column} value=${value} onSave=${save} onItem=${showItem} />`
          : isInput
            ? html`<${FieldInput} id=${id} column=${column} value=${value} onSave=${save} />`
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
  if (itemColumnsOf(column).length) return html`<${ItemsTable} column=${column} value=${value} />`;
  return html`<span class="field-value" dir="auto">${fieldValue(value, column.schema, column.hasFractions) || t("value.none")}</span>`;
}

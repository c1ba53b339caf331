// @ts-check
/** A list of a record as a small table: cells are corrected, items added and removed. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { noted, withFractions } from "../data/columns.js";
import { itemColumnsOf, itemsOf, lacking, listOf } from "../data/items.js";
import { fieldValue } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { FieldInput } from "./field_input.js";
import { Icon } from "./icons.js";

/** @typedef {import("../data/columns.js").Column} Column */

/**
 * @param {{id: string, column: Column, value: any, onSave: (value: any) => Promise<boolean>, onItem: (index: number) => void}} props
 *   `onItem` is called when an item has the focus
 */
export function ItemsInput({ id, column, value, onSave, onItem }) {
  const columns = columnsAmong(column, itemsOf(value, column));
  const items = useSignal(itemsOf(value, column));
  const absent = useSignal(/** @type {string[]} */ ([]));
  const before = JSON.stringify(value ?? null);
  useEffect(() => {
    items.value = itemsOf(value, column);
    absent.value = [];
  }, [before]);

  /** Keep the items here, and save them unless one still lacks a value. @param {import("../data/items.js").Item[]} next */
  const change = async (next) => {
    items.value = next;
    absent.value = lacking(next, columns);
    const list = listOf(next, column);
    if (absent.value.length || JSON.stringify(list) === before) return true;
    return onSave(list.length ? list : null);
  };
  const set = (/** @type {number} */ index, /** @type {string} */ name, /** @type {any} */ entry) =>
    change(items.value.map((item, at) => (at === index ? { ...item, [name]: entry } : item)));
  const add = () => {
    items.value = [...items.value, {}];
    // The new item's first cell exists after the next drawing.
    setTimeout(() => document.getElementById(`${id}-${items.value.length - 1}-${columns[0].name}`)?.focus());
  };

  return html`<div class="items" id=${id}>
    ${items.value.length > 0 &&
    html`<table>
      <thead><tr>${columns.map((one) => html`<th key=${one.name} scope="col">${one.title}</th>`)}<th scope="col"><span class="hidden">${t("remove")}</span></th></tr></thead>
      <tbody>
        ${items.value.map(
          (item, index) => html`<tr key=${index} onFocusIn=${() => onItem(index)}>
            ${columns.map(
              (one) => html`<td key=${one.name} class=${one.type}>
                <label class="hidden" for=${`${id}-${index}-${one.name}`}>${t("item.cell", { name: one.title, number: index + 1 })}</label>
                <${FieldInput} id=${`${id}-${index}-${one.name}`} column=${one} value=${item[one.name]} onSave=${(/** @type {any} */ entry) => set(index, one.name, entry)} />
              </td>`,
            )}
            <td><button type="button" class="quiet small" aria-label=${t("item.remove", { number: index + 1 })} title=${t("item.remove", { number: index + 1 })} onClick=${() => change(items.value.filter((_, at) => at !== index))}><${Icon} name="trash" size=${14} /></button></td>
          </tr>`,
        )}
      </tbody>
    </table>`}
    ${absent.value.length > 0 && html`<p class="field-wrong" role="status">${t("item.lacking", { names: absent.value.join(", ") })}</p>`}
    <button type="button" class="small" onClick=${add}><${Icon} name="plus" size=${14} />${t("item.add")}</button>
  </div>`;
}

/** The columns of a list, of which each writes its numbers alike. @param {Column} column @param {import("../data/items.js").Item[]} items */
const columnsAmong = (column, items) => noted(itemColumnsOf(column), withFractions(new Set(), items.map((fields) => ({ fields }))));

/** A list as a table to read. @param {{column: Column, value: any}} props */
export function ItemsTable({ column, value }) {
  const items = itemsOf(value, column);
  const columns = columnsAmong(column, items);
  if (items.length === 0) return html`<span class="field-value">${t("value.none")}</span>`;
  return html`<div class="items">
    <table>
      <thead><tr>${columns.map((one) => html`<th key=${one.name} scope="col">${one.title}</th>`)}</tr></thead>
      <tbody>
        ${items.map(
          (item, index) => html`<tr key=${index}>
            ${columns.map((one) => html`<td key=${one.name} class=${one.type} dir="auto">${fieldValue(item[one.name], one.schema, one.hasFractions)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

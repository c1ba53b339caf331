// @ts-check
/** The conditions of a filter in words; a press on one removes it. */
import { KIND, kindColumn, LABEL, labelColumn } from "../data/conditions.js";
import { fieldValue } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { named } from "../said.js";
import { Icon } from "./icons.js";

/** @typedef {import("../data/dataset.js").Dataset} Dataset */
/** @typedef {import("../data/columns.js").Column} Column */
/** @typedef {import("../data/listing.js").Condition} Condition */

const ORDERED = ["lt", "le", "gt", "ge"];

/** The words for a comparison: dates are before and after one another. @param {string} op @param {Column | undefined} column */
export const operatorName = (op, column) => t(column?.format === "date" && ORDERED.includes(op) ? `op.date.${op}` : `op.${op}`);

/** @param {{dataset: Dataset, columns: Column[]}} props */
export function ConditionChips({ dataset, columns }) {
  return dataset.filter.value.where.map((condition) => html`<${ConditionChip} key=${JSON.stringify(condition)} dataset=${dataset} condition=${condition} columns=${columns} />`);
}

/** @param {any} value of a condition @param {Column | undefined} column */
export const valueText = (value, column) => (column?.type === "kind" ? named("recognised", value) : fieldValue(value, column?.schema, column?.hasFractions));

/** @param {{dataset: Dataset, condition: Condition, columns: Column[]}} props */
function ConditionChip({ dataset, condition, columns }) {
  const { field } = condition;
  const column = field === LABEL ? labelColumn(t("filter.label")) : field === KIND ? kindColumn(t("filter.kind")) : columns.find(({ name }) => name === field);
  const value = condition.value === undefined ? "" : valueText(condition.value, column);
  const text = [column?.title ?? condition.field, operatorName(condition.op, column), value].filter(Boolean).join(" ");
  const remove = (/** @type {any} */ event) => {
    // The focus must not go away with the button.
    event.currentTarget.closest(".chips")?.querySelector("[aria-expanded]")?.focus();
    void dataset.setFilter({ where: dataset.filter.value.where.filter((one) => one !== condition) });
  };
  return html`<button type="button" class="chip condition" aria-label=${t("filter.remove", { condition: text })} title=${t("filter.remove", { condition: text })} onClick=${remove}>
    <span dir="auto">${text}</span><${Icon} name="close" size=${12} />
  </button>`;
}

// @ts-check
/** A form that adds a condition on a value to the filter of a table. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { conditionFrom, kindColumn, labelColumn, operatorsOf, takesValue, withCondition } from "../data/conditions.js";
import { choicesOf, kindOf } from "../data/input.js";
import { Stub } from "../data/row.js";
import { html } from "../html.js";
import { catalogue, t } from "../i18n.js";
import { api } from "../session.js";
import { operatorName, valueText } from "./condition_chips.js";

/** @typedef {import("../data/columns.js").Column} Column */

/** The newest batches tell which labels there are; others can be typed. */
const READ_BATCHES = 200;

/** @param {{dataset: import("../data/dataset.js").Dataset, columns: Column[], onClose: () => void}} props */
export function ValueFilter({ dataset, columns: ofRecords, onClose }) {
  const hasKinds = Object.keys(dataset.info.value.routing).length > 0 || dataset.rows.list.some((row) => !(row instanceof Stub) && row.moved);
  const columns = [...ofRecords, labelColumn(t("filter.label")), ...(hasKinds ? [kindColumn(t("filter.kind"))] : [])];
  const name = useSignal(columns[0]?.name ?? "");
  const op = useSignal("");
  const text = useSignal("");
  const isWrong = useSignal(false);
  const first = useRef(/** @type {HTMLSelectElement | null} */ (null));
  useEffect(() => first.current?.focus(), []);
  const column = columns.find((one) => one.name === name.value) ?? columns[0];
  if (!column) return null;
  const operators = operatorsOf(column);
  const chosen = operators.includes(op.value) ? op.value : operators[0];
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const condition = conditionFrom(column, chosen, text.value, catalogue.value.locale);
    isWrong.value = condition === null;
    if (!condition) return;
    void dataset.setFilter({ where: withCondition(dataset.filter.value.where, condition) });
    onClose();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onClose();
  };
  return html`<form class="value-filter" onSubmit=${submit} onKeyDown=${onKey} aria-label=${t("filter.by_value")}>
    <label><span>${t("filter.column")}</span>
      <select ref=${first} value=${column.name} onChange=${(/** @type {any} */ event) => {
        name.value = event.target.value;
        text.value = "";
      }}>
        ${columns.map((one) => html`<option key=${one.name} value=${one.name}>${one.title}</option>`)}
      </select>
    </label>
    <label><span>${t("filter.comparison")}</span>
      <select value=${chosen} onChange=${(/** @type {any} */ event) => (op.value = event.target.value)}>
        ${operators.map((one) => html`<option key=${one} value=${one}>${operatorName(one, column)}</option>`)}
      </select>
    </label>
    ${takesValue(chosen) && html`<label><span>${t("filter.value")}</span><${ValueInput} dataset=${dataset} column=${column} text=${text} isWrong=${isWrong.value} /></label>`}
    <${Order} dataset=${dataset} columns=${ofRecords} />
    <button class="primary">${t("filter.add")}</button>
    <button type="button" onClick=${onClose}>${t("cancel")}</button>
    ${isWrong.value && html`<p class="problem" id="filter-wrong" role="alert">${t(text.value.trim() ? `input.${column.type}` : "filter.no_value")}</p>`}
  </form>`;
}

const SORTED = ["string", "number", "integer", "boolean"];
const LEAST_SURE = "@probability";

/** The order of the rows, for narrow windows, where no headings are shown. @param {{dataset: import("../data/dataset.js").Dataset, columns: Column[]}} props */
function Order({ dataset, columns }) {
  const { sort } = dataset.filter.value;
  const orders = columns
    .filter(({ type }) => SORTED.includes(type))
    .flatMap(({ name, title }) => [
      [name, t("order.ascending", { name: title })],
      [`-${name}`, t("order.descending", { name: title })],
    ]);
  if (sort === LEAST_SURE) orders.unshift([sort, t("order.least_sure")]);
  return html`<label class="order"><span>${t("order.label")}</span>
    <select value=${sort} onChange=${(/** @type {any} */ event) => dataset.setFilter({ sort: event.target.value })}>
      ${[["", t("order.newest")], ...orders].map(([value, text]) => html`<option key=${value} value=${value} selected=${value === sort}>${text}</option>`)}
    </select>
  </label>`;
}

/** @param {{dataset: import("../data/dataset.js").Dataset, column: Column, text: import("@preact/signals").Signal<string>, isWrong: boolean}} props */
function ValueInput({ dataset, column, text, isWrong }) {
  const kind = kindOf(column, null);
  const shared = {
    value: text.value,
    "aria-invalid": isWrong,
    "aria-describedby": isWrong ? "filter-wrong" : undefined,
    onInput: (/** @type {any} */ event) => (text.value = event.target.value),
  };
  if (column.type === "label") return html`<${LabelInput} datasetId=${dataset.id} shared=${shared} />`;
  if (kind === "choice") {
    return html`<select ...${shared} onChange=${shared.onInput}>
      <option value=""></option>
      ${choicesOf(column).map((choice) => html`<option key=${String(choice)} value=${String(choice)}>${valueText(choice, column)}</option>`)}
    </select>`;
  }
  return html`<input type=${kind === "date" ? "date" : "text"} inputmode=${kind === "number" ? "decimal" : undefined} ...${shared} />`;
}

/** @param {{datasetId: string, shared: Record<string, any>}} props */
function LabelInput({ datasetId, shared }) {
  const labels = useSignal(/** @type {string[]} */ ([]));
  useEffect(() => {
    api.get(`/datasets/${datasetId}/batches?limit=${READ_BATCHES}`).then(
      ({ batches }) => (labels.value = [...new Set(batches.flatMap((/** @type {any} */ batch) => batch.labels))].sort()),
      () => {}, // a label can be typed
    );
  }, [datasetId]);
  return html`<input list="known-labels" autocomplete="off" ...${shared} />
    <datalist id="known-labels">${labels.value.map((label) => html`<option key=${label} value=${label}></option>`)}</datalist>`;
}

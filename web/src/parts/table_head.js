// @ts-check
/** The headings of a table. Those of values sort by them. */
import { nextSort } from "../data/listing.js";
import { html } from "../html.js";
import { t } from "../i18n.js";

/** @typedef {import("../data/columns.js").Column} Column */

/** @param {{dataset: import("../data/dataset.js").Dataset, columns: Column[]}} props */
export function TableHead({ dataset, columns }) {
  return html`<div class="table-head" role="rowgroup">
    <div class="table-row" role="row" aria-rowindex="1">
      <span class="cell" role="columnheader"><span class="hidden">${t("table.chosen")}</span></span>
      <span class="cell" role="columnheader"><span class="hidden">${t("table.picture")}</span></span>
      <span class="cell" role="columnheader">${t("table.name")}</span>
      <span class="cell" role="columnheader">${t("table.state")}</span>
      ${columns.map((column) => html`<${Heading} key=${column.name} dataset=${dataset} column=${column} />`)}
    </div>
  </div>`;
}

/** @param {{dataset: import("../data/dataset.js").Dataset, column: Column}} props */
function Heading({ dataset, column }) {
  const { sort } = dataset.filter.value;
  const order = sort === column.name ? "ascending" : sort === `-${column.name}` ? "descending" : "none";
  if (!["string", "number", "integer", "boolean"].includes(column.type)) {
    return html`<span class=${`cell ${column.type}`} role="columnheader">${column.title}</span>`;
  }
  return html`<span class=${`cell ${column.type}`} role="columnheader" aria-sort=${order}>
    <button type="button" class="heading" title=${t("table.sort", { name: column.title })} onClick=${() => dataset.setFilter({ sort: nextSort(sort, column.name) })}>
      ${column.title}<span aria-hidden="true">${{ ascending: " ▲", descending: " ▼", none: "" }[order]}</span>
    </button>
  </span>`;
}

// @ts-check
/**
 * One row of the table, for wide and narrow windows.
 *
 * A row is one component: its parts are plain functions, since while a person scrolls all rows in sight are drawn in each
 * frame. It has no listeners; the table has them for all rows.
 */
import { Component } from "preact";
import { fieldValue } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { addressOf } from "../router.js";
import { Icon } from "./icons.js";
import { activity, explanation, Pipelines, ReviewSign, StateSign } from "./state.js";

/** @typedef {import("../data/row.js").Row} Row */
/** @typedef {import("../data/columns.js").Column} Column */
/**
 * @typedef {{row: Row, columns: Column[], place: {index: number, top: number, height: number}, datasetId: string,
 *   isNarrow: boolean, isActive: boolean, isChosen: boolean, mayRetry: boolean, showsPicture: boolean, locale: string}} Props
 */

const NARROW_VALUES = 3;
const SEEN = /** @type {const} */ (["isNarrow", "locale", "row", "columns", "isActive", "isChosen", "mayRetry", "showsPicture"]);

/** The id of the file in whose row something happened. @param {Event} event @returns {string | null} */
export const rowIdAt = (event) => /** @type {Element} */ (event.target).closest("[data-file]")?.getAttribute("data-file") ?? null;

/** A row that is drawn again only if something of it has changed. @extends {Component<Props>} */
export class RowView extends Component {
  /** @param {Props} next */
  shouldComponentUpdate(next) {
    const { place } = this.props;
    if (place.index !== next.place.index || place.height !== next.place.height) return true;
    return SEEN.some((name) => this.props[name] !== next[name]);
  }

  render() {
    const { row, place, isActive, isChosen, isNarrow } = this.props;
    return html`<div
      id=${`row-${row.id}`}
      data-file=${row.id}
      role="row"
      aria-rowindex=${place.index + 2}
      aria-selected=${isChosen}
      style=${{ transform: `translateY(${place.top}px)`, height: `${place.height}px` }}
      class=${`table-row body${isActive ? " active" : ""}${isChosen ? " chosen" : ""}`}
    >
      ${chooser(this.props)}
      ${picture(this.props)}
      ${isNarrow ? narrowCell(this.props) : wideCells(this.props)}
    </div>`;
  }
}

/** A row that was not read yet. @param {{place: {index: number, top: number, height: number}}} props */
export function PendingRow({ place }) {
  const style = { transform: `translateY(${place.top}px)`, height: `${place.height}px` };
  return html`<div class="table-row body pending" role="row" aria-rowindex=${place.index + 2} style=${style}>
    <span class="cell wide" role="gridcell"><span class="hidden">${t("loading")}</span><i class="bone"></i></span>
  </div>`;
}

/** @param {Props} props */
const wideCells = (props) => [
  html`<span key="name" class="cell name" role="gridcell">${name(props)}</span>`,
  html`<span key="status" class="cell" role="gridcell">${status(props)}</span>`,
  ...props.columns.map((column) => value(props.row, column, "gridcell", `cell ${column.type}`)),
];

/** @param {Props} props */
function narrowCell(props) {
  const { row, columns } = props;
  const filled = columns.filter((column) => row.fields[column.name] !== undefined && row.fields[column.name] !== null);
  return html`<span class="cell narrow-text" role="gridcell">
    <span class="name">${name(props)}</span>
    ${status(props)}
    <span class="narrow-values">${filled.slice(0, NARROW_VALUES).map((column) => value(row, column, undefined, ""))}</span>
  </span>`;
}

/** @param {Props} props */
const chooser = ({ isChosen }) => html`<span class="cell chooser" role="gridcell">
  <i class=${isChosen ? "box checked" : "box"}>${isChosen && Icon({ name: "check", size: 12 })}</i>
  ${isChosen && html`<span class="hidden">${t("table.is_chosen")}</span>`}
</span>`;

/** @param {Props} props */
const picture = ({ row, showsPicture }) => html`<span class="cell picture" role="gridcell">
  ${row.thumbnail && showsPicture
    ? html`<img key=${row.thumbnail} src=${row.thumbnail} alt="" decoding="async" draggable=${false} />`
    : html`<i key="none" class="no-picture"></i>`}
</span>`;

/** @param {Props} props */
function name({ row, datasetId }) {
  const short = row.name.slice(row.name.lastIndexOf("/") + 1) || row.name;
  return html`<a href=${addressOf({ screen: "file", datasetId, fileId: row.id })} tabindex="-1" title=${row.name} dir="auto">${short}</a>
    ${row.documents > 1 && html`<span class="documents">${t("row.documents", { count: row.documents })}</span>`}
    ${row.takenFrom && html`<span class="documents">${t(row.takenFrom.first_page ? "row.from_scan" : "row.from_archive")}</span>`}
    ${row.moved && html`<span class="documents">${t(row.moved.by === "rule" ? "row.sent_here" : "row.moved_here")}</span>`}
    ${row.labels.length > 0 && labels(row.labels)}`;
}

/** The first label, and how many there are beside it: more would leave nothing of the name. @param {readonly string[]} all */
const labels = ([label, ...others]) => html`<button type="button" class="label" tabindex="-1" data-label=${label} title=${t("row.label", { label })} dir="auto">${label}</button>
  ${others.length > 0 && html`<span class="documents" title=${[label, ...others].join(", ")}>+${others.length}</span>`}`;

/** @param {Props} props */
function status({ row, mayRetry }) {
  const why = explanation(row);
  return html`<span class="status" title=${why}>
    ${Pipelines({ row })}
    ${StateSign({ state: row.state, text: activity(row) })}
    ${ReviewSign(row)}
    ${why && html`<span class="why">${why}</span>`}
    ${row.state === "failed" && mayRetry && html`<button type="button" class="small row-retry" tabindex="-1" title=${t("retry")} aria-label=${t("retry")}>${Icon({ name: "retry", size: 14 })}</button>`}
  </span>`;
}

/**
 * A value, with a mark if it may be wrong or is missing.
 * @param {Row} row @param {Column} column @param {string | undefined} role @param {string} kind classes of the element
 */
function value(row, column, role, kind) {
  const found = row.fields[column.name];
  if (found === undefined || found === null) {
    const isMissing = row.missing.includes(column.name);
    return html`<span key=${column.name} class=${isMissing ? `${kind} missing` : kind} role=${role}>${isMissing ? t("value.missing") : null}</span>`;
  }
  const text = fieldValue(found, column.schema, column.hasFractions);
  if (!row.doubtful.includes(column.name)) return html`<span key=${column.name} class=${kind} role=${role} dir="auto" title=${text}>${text}</span>`;
  return html`<span key=${column.name} class=${`${kind} doubtful`} role=${role} dir="auto" title=${t("value.doubtful")}>${text}<span class="hidden"> (${t("value.doubtful")})</span></span>`;
}

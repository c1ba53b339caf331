// @ts-check
/** One row of the table, for wide and narrow windows. */
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
 *   isActive: boolean, isChosen: boolean, onPick: (event: MouseEvent, id: string) => void,
 *   onToggle: (id: string) => void, onOpen: (id: string) => void, onRetry: ((ids: string[]) => void) | null}} Props
 */

const NARROW_VALUES = 3;
const SEEN = ["view", "locale", "row", "columns", "isActive", "isChosen", "onRetry"];

/** The attributes that rows of both kinds share. @param {Props} props */
const attributes = ({ row, place, isActive, isChosen, onPick, onOpen }) => ({
  id: `row-${row.id}`,
  role: "row",
  "aria-rowindex": place.index + 2,
  "aria-selected": isChosen,
  style: { transform: `translateY(${place.top}px)`, height: `${place.height}px` },
  class: `table-row body ${isActive ? "active" : ""} ${isChosen ? "chosen" : ""}`,
  onClick: (/** @type {MouseEvent} */ event) => onPick(event, row.id),
  onDblClick: () => onOpen(row.id),
});

/** A row that is drawn again only if something of it has changed. @extends {Component<any>} */
export class KeptRow extends Component {
  /** @param {any} next */
  shouldComponentUpdate(next) {
    const { place, ...now } = this.props;
    if (place.index !== next.place.index || place.height !== next.place.height) return true;
    return SEEN.some((name) => now[name] !== next[name]);
  }

  render() {
    return html`<${this.props.view} ...${this.props} />`;
  }
}

/** @param {Props} props */
export function WideRow(props) {
  const { row, columns } = props;
  return html`<div ...${attributes(props)}>
    <${Chooser} ...${props} />
    <${Picture} row=${row} />
    <span class="cell name" role="gridcell"><${Name} ...${props} /></span>
    <span class="cell" role="gridcell"><${Status} ...${props} /></span>
    ${columns.map(
      (column) =>
        html`<span key=${column.name} class=${`cell ${column.type}`} role="gridcell"><${Value} row=${row} column=${column} /></span>`,
    )}
  </div>`;
}

/** @param {Props} props */
export function NarrowRow(props) {
  const { row, columns } = props;
  const filled = columns.filter((column) => row.fields[column.name] !== undefined && row.fields[column.name] !== null);
  return html`<div ...${attributes(props)}>
    <${Chooser} ...${props} />
    <${Picture} row=${row} />
    <span class="cell narrow-text" role="gridcell">
      <${Name} ...${props} />
      <${Status} ...${props} />
      <span class="narrow-values">
        ${filled.slice(0, NARROW_VALUES).map((column) => html`<${Value} key=${column.name} row=${row} column=${column} />`)}
      </span>
    </span>
  </div>`;
}

/** A row that was not read yet. @param {{place: {index: number, top: number, height: number}}} props */
export function PendingRow({ place }) {
  const style = { transform: `translateY(${place.top}px)`, height: `${place.height}px` };
  return html`<div class="table-row body pending" role="row" aria-rowindex=${place.index + 2} style=${style}>
    <span class="cell wide" role="gridcell"><span class="hidden">${t("loading")}</span><i class="bone"></i></span>
  </div>`;
}

/** @param {Props} props */
function Chooser({ row, isChosen, onToggle }) {
  const toggle = (/** @type {MouseEvent} */ event) => {
    event.stopPropagation();
    onToggle(row.id);
  };
  return html`<span class="cell chooser" role="gridcell" onClick=${toggle}>
    <i class=${isChosen ? "box checked" : "box"}>${isChosen && html`<${Icon} name="check" size=${12} />`}</i>
    ${isChosen && html`<span class="hidden">${t("table.is_chosen")}</span>`}
  </span>`;
}

/** @param {{row: Row}} props */
function Picture({ row }) {
  return html`<span class="cell picture" role="gridcell">
    ${row.thumbnail
      ? html`<img src=${row.thumbnail} alt="" loading="lazy" decoding="async" draggable=${false} />`
      : html`<i class="no-picture"></i>`}
  </span>`;
}

/** @param {Props} props */
function Name({ row, datasetId }) {
  const short = row.name.slice(row.name.lastIndexOf("/") + 1) || row.name;
  return html`<a href=${addressOf({ screen: "file", datasetId, fileId: row.id })} tabindex="-1" title=${row.name} dir="auto">${short}</a>
    ${row.documents > 1 && html`<span class="documents">${t("row.documents", { count: row.documents })}</span>`}`;
}

/** @param {Props} props */
function Status({ row, onRetry }) {
  const why = explanation(row);
  return html`<span class="status" title=${why}>
    <${Pipelines} row=${row} />
    <${StateSign} state=${row.state} text=${activity(row)} />
    <${ReviewSign} review=${row.review} />
    ${why && html`<span class="why">${why}</span>`}
    ${row.state === "failed" && onRetry && html`<${Retry} onRetry=${() => onRetry([row.id])} />`}
  </span>`;
}

/** @param {{onRetry: () => void}} props */
function Retry({ onRetry }) {
  const retry = (/** @type {MouseEvent} */ event) => {
    event.stopPropagation();
    onRetry();
  };
  return html`<button type="button" class="small" tabindex="-1" onClick=${retry}>${t("retry")}</button>`;
}

/** A value, with a mark if it may be wrong or is missing. @param {{row: Row, column: Column}} props */
export function Value({ row, column }) {
  const value = row.fields[column.name];
  if (value === undefined || value === null) {
    return row.missing.includes(column.name) ? html`<em class="missing">${t("value.missing")}</em>` : null;
  }
  const text = fieldValue(value, column.schema);
  if (!row.doubtful.includes(column.name)) return html`<span dir="auto" title=${text}>${text}</span>`;
  return html`<span class="doubtful" dir="auto" title=${t("value.doubtful")}>${text}<span class="hidden"> (${t("value.doubtful")})</span></span>`;
}

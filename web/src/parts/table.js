// @ts-check
/** The table of a dataset. Only the rows in sight exist as elements; the grid itself keeps the keyboard focus. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { html } from "../html.js";
import { catalogue, t } from "../i18n.js";
import { activate, chooseAll, clear, extend, isChosen, toggle } from "../data/selection.js";
import { Stub } from "../data/row.js";
import { drawnAtMost, scrollTo, windowOf } from "../data/rows.js";
import { TableHead } from "./table_head.js";
import { commandOf, focusOn, isNothingFocused } from "./table_keys.js";
import { PendingRow, RowView, rowIdAt } from "./table_row.js";

const WIDE_ROW_PX = 44;
const NARROW_ROW_PX = 84;
const HEAD_PX = 36;
/** After this time without scrolling, pictures are requested and rows read that are not known. */
const REST_MS = 90;
/** What stands above and below the table, until its height is measured. */
const AROUND_PX = 240;
const NARROW = matchMedia("(max-width: 720px)");

/**
 * @param {{dataset: import("../data/dataset.js").Dataset, columns: import("../data/columns.js").Column[],
 *   onOpen: (id: string) => void, onRemove: ((ids: string[]) => void) | null,
 *   onRetry: ((ids: string[]) => void) | null}} props
 */
export function Table({ dataset, columns, onOpen, onRemove, onRetry }) {
  const { selection } = dataset;
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const view = useSignal({ scrollTop: dataset.scrollTop, height: Math.max(200, innerHeight - AROUND_PX), isMoving: false, isScrolling: false });
  const isNarrow = useSignal(NARROW.matches);
  const seenShift = useRef(dataset.shift.value);
  const rest = useRef(/** @type {any} */ (0));
  const version = dataset.version.value; // drawn again at each change
  const rowHeight = isNarrow.value ? NARROW_ROW_PX : WIDE_ROW_PX;
  const headHeight = isNarrow.value ? 0 : HEAD_PX;
  const { list } = dataset.rows;
  const total = dataset.total;
  const { first, end, firstSeen } = windowOf({ ...view.value, rowHeight, total });
  dataset.firstShown = firstSeen;

  useEffect(() => {
    const element = /** @type {HTMLDivElement} */ (box.current);
    const measure = () => (view.value = { ...view.value, height: element.clientHeight - headHeight });
    element.scrollTop = dataset.scrollTop;
    if (selection.value.active !== null && isNothingFocused()) focusOn(element); // a person comes back from a file
    const observer = new ResizeObserver(measure);
    const change = () => (isNarrow.value = NARROW.matches);
    observer.observe(element);
    NARROW.addEventListener("change", change);
    return () => {
      observer.disconnect();
      NARROW.removeEventListener("change", change);
    };
  }, [headHeight]);

  // New rows above the ones in sight must not move them.
  useLayoutEffect(() => {
    const element = /** @type {HTMLDivElement} */ (box.current);
    const moved = dataset.shift.value - seenShift.current;
    seenShift.current = dataset.shift.value;
    // Asked of the element, its position would cost a layout within this task.
    if (moved && dataset.scrollTop > 0) element.scrollTop += moved * rowHeight;
  });

  // While a person scrolls this runs in each frame: an effect after the paint would need a frame and a timer of its own.
  useLayoutEffect(() => void dataset.reach(end - 1).catch((error) => dataset.fail(error)), [end, total, version]);
  const { isMoving, isScrolling } = view.value;
  useLayoutEffect(() => {
    if (!isMoving) dataset.fill(first, end).catch((error) => dataset.fail(error));
  }, [first, end, version, isMoving]);

  /** @param {string} id */
  const show = (id) => {
    const target = scrollTo(dataset.rows.indexOf(id), { ...view.value, scrollTop: box.current?.scrollTop ?? 0, rowHeight });
    if (target !== null && box.current) box.current.scrollTop = target;
  };
  const ids = () => list.map((row) => row.id);

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const command = commandOf(event);
    if (!command) return;
    const { active } = selection.value;
    const index = active === null ? -1 : dataset.rows.indexOf(active);
    const page = Math.max(1, Math.floor(view.value.height / rowHeight) - 1);
    event.preventDefault();
    if (command.kind === "move") {
      const to = Math.min(list.length - 1, Math.max(0, command.to === "start" ? 0 : command.to === "end" ? list.length - 1 : index + command.by * (command.isPage ? page : 1)));
      const id = list[to]?.id;
      if (!id) return;
      selection.value = command.extends ? extend(selection.value, id, ids()) : activate(selection.value, id);
      show(id);
    } else if (command.kind === "chooseAll") {
      selection.value = chooseAll(selection.value);
    } else if (command.kind === "clear") {
      selection.value = clear(selection.value);
    } else if (active !== null) {
      const chosen = selection.value.chosen.size ? [...selection.value.chosen] : [active];
      if (command.kind === "toggle") selection.value = toggle(selection.value, active, ids());
      if (command.kind === "open") onOpen(active);
      // What concerns all rows is done with the buttons, which name their number.
      if (command.kind === "remove" && !selection.value.isAll) onRemove?.(chosen);
      if (command.kind === "retry" && !selection.value.isAll) onRetry?.(chosen);
    }
  };

  /** @param {MouseEvent} event */
  const onClick = (event) => {
    const id = rowIdAt(event);
    const target = /** @type {Element} */ (event.target);
    if (id === null) return;
    const label = target.closest("[data-label]")?.getAttribute("data-label");
    if (label) import("../data/conditions.js").then((module) => module.filterByLabel(dataset, label)).catch((error) => dataset.fail(error));
    else if (target.closest(".row-retry")) onRetry?.([id]);
    else if (target.closest(".chooser") || event.ctrlKey || event.metaKey) selection.value = toggle(selection.value, id, ids());
    else if (event.shiftKey) selection.value = extend(selection.value, id, ids());
    else selection.value = activate(selection.value, id);
  };

  const onScroll = (/** @type {any} */ event) => {
    const { scrollTop } = event.target;
    // Pictures of rows that rush past would be requested in vain.
    const isMoving = view.value.isMoving || Math.abs(scrollTop - dataset.scrollTop) > view.value.height;
    dataset.scrollTop = scrollTop;
    view.value = { ...view.value, scrollTop, isMoving, isScrolling: true };
    clearTimeout(rest.current);
    rest.current = setTimeout(() => (view.value = { ...view.value, isMoving: false, isScrolling: false }), REST_MS);
  };

  // The elements of rows that went out of sight are filled with those that come into it.
  const slots = drawnAtMost(view.value.height, rowHeight);
  const indexes = Array.from({ length: Math.max(0, end - first) }, (_, at) => first + at);
  // Meanwhile elements stay where they are in the document; at rest they are in the order of the rows again.
  if (isScrolling) indexes.sort((one, other) => (one % slots) - (other % slots));
  const rows = indexes.map((index) => {
    const row = list[index];
    const place = { index, top: index * rowHeight, height: rowHeight };
    if (!row || row instanceof Stub) return html`<${PendingRow} key=${index % slots} place=${place} />`;
    return html`<${RowView}
      key=${index % slots}
      isNarrow=${isNarrow.value}
      locale=${catalogue.value.locale}
      row=${row}
      columns=${columns}
      place=${place}
      datasetId=${dataset.id}
      isActive=${row.id === selection.value.active}
      isChosen=${isChosen(selection.value, row.id)}
      mayRetry=${onRetry !== null}
      showsPicture=${!isMoving}
    />`;
  });
  const { active } = selection.value;
  const isDrawn = active !== null && list.slice(first, end).some((row) => row.id === active);
  return html`<div
    ref=${box}
    class=${isNarrow.value ? "table narrow" : "table"}
    role="grid"
    tabindex="0"
    aria-label=${t("table.label", { name: dataset.info.value?.name ?? "" })}
    aria-rowcount=${total + 1}
    aria-multiselectable="true"
    aria-activedescendant=${isDrawn ? `row-${active}` : undefined}
    onKeyDown=${onKey}
    onScroll=${onScroll}
    style=${{ "--columns": widthsOf(columns) }}
  >
    <${TableHead} dataset=${dataset} columns=${columns} />
    <div
      class="table-body"
      role="rowgroup"
      style=${{ height: `${total * rowHeight}px` }}
      onClick=${onClick}
      onDblClick=${(/** @type {MouseEvent} */ event) => open(rowIdAt(event), onOpen)}
      onErrorCapture=${(/** @type {Event} */ event) => dataset.renewPictures(rowIdAt(event))}
    >
      ${rows}
    </div>
  </div>`;
}

/** @param {string | null} id @param {(id: string) => void} onOpen */
const open = (id, onOpen) => id !== null && onOpen(id);

/** The widths of all columns, as CSS Grid takes them. @param {import("../data/columns.js").Column[]} columns */
function widthsOf(columns) {
  const own = columns.map(({ type, format }) =>
    type === "boolean" ? "5rem" : format === "date" || type === "number" || type === "integer" ? "8rem" : "minmax(9rem, 1.2fr)",
  );
  return ["2.25rem", "3rem", "minmax(12rem, 1.6fr)", "minmax(12rem, 1.2fr)", ...own].join(" ");
}

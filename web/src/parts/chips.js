// @ts-check
/** The filter of a table: states with their counts, conditions on values, and a search by name. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { toBeChecked } from "../data/listing.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Icon } from "./icons.js";
import { Lazy } from "./lazy.js";
import { stateName } from "./state.js";

/** @typedef {import("../data/dataset.js").Dataset} Dataset */
/** @typedef {import("../data/columns.js").Column} Column */

const STATES = ["processing", "done", "partial", "failed", "uploading", "upload_missing", "cancelled"];
const TYPING_MS = 250;
const conditionChips = () => import("./condition_chips.js").then((module) => module.ConditionChips);
const valueFilter = () => import("./value_filter.js").then((module) => module.ValueFilter);

/** @param {{dataset: Dataset, columns: Column[]}} props */
export function Filters({ dataset, columns }) {
  const timer = useRef(/** @type {any} */ (0));
  const opener = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const showsForm = useSignal(false);
  const { state, name, review, where } = dataset.filter.value;
  const counts = dataset.info.value?.counts ?? { files: 0, by_state: {} };
  const shown = STATES.filter((one) => counts.by_state[one] || one === state);
  /** @param {string} value */
  const search = (value) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void dataset.setFilter({ name: value.trim() }), TYPING_MS);
  };
  const close = () => {
    showsForm.value = false;
    opener.current?.focus();
  };
  return html`<div class="filters">
      <div class="chips" role="group" aria-label=${t("filter.states")}>
        <${Chip} label=${t("filter.all")} count=${counts.files} isOn=${!state && !review && !where.length} onPick=${() => dataset.setFilter({ state: "", review: "", where: [] })} />
        ${shown.map(
          (one) =>
            html`<${Chip}
              key=${one}
              state=${one}
              label=${stateName(one)}
              count=${counts.by_state[one] ?? 0}
              isOn=${one === state}
              onPick=${() => dataset.setFilter({ state: one === state ? "" : one })}
            />`,
        )}
        <button type="button" class="chip partial" aria-pressed=${review === "needed"} onClick=${() => dataset.setFilter(toBeChecked(dataset.filter.value))}>
          ${t("review.needed")}
        </button>
        ${where.length > 0 && html`<${Lazy} load=${conditionChips} isQuiet=${true} props=${{ dataset, columns }} />`}
        ${columns.length > 0 &&
        html`<button ref=${opener} type="button" class="chip" aria-expanded=${showsForm.value} onClick=${() => (showsForm.value = !showsForm.value)}>
          <${Icon} name="plus" />${t("filter.by_value")}
        </button>`}
      </div>
      <label class="search">
        <${Icon} name="search" />
        <span class="hidden">${t("filter.search")}</span>
        <input
          type="search"
          id="search"
          placeholder=${t("filter.search")}
          defaultValue=${name}
          onInput=${(/** @type {any} */ event) => search(event.target.value)}
        />
      </label>
    </div>
    ${showsForm.value && html`<${Lazy} load=${valueFilter} isQuiet=${true} props=${{ dataset, columns, onClose: close }} />`}`;
}

/** @param {{label: string, count: number, isOn: boolean, onPick: () => void, state?: string}} props */
function Chip({ label, count, isOn, onPick, state = "" }) {
  return html`<button type="button" class=${`chip ${state}`} aria-pressed=${isOn} onClick=${onPick}>
    ${label} <b>${number(count)}</b>
  </button>`;
}

// @ts-check
/** The filter of a table: states with their counts, and a search by name. */
import { useRef } from "preact/hooks";
import { toBeChecked } from "../data/listing.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Icon } from "./icons.js";
import { stateName } from "./state.js";

const STATES = ["processing", "done", "partial", "failed", "uploading", "upload_missing", "cancelled"];
const TYPING_MS = 250;

/** @param {{dataset: import("../data/dataset.js").Dataset}} props */
export function Filters({ dataset }) {
  const timer = useRef(/** @type {any} */ (0));
  const { state, name, review } = dataset.filter.value;
  const counts = dataset.info.value?.counts ?? { files: 0, by_state: {} };
  const shown = STATES.filter((one) => counts.by_state[one] || one === state);
  /** @param {string} value */
  const search = (value) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void dataset.setFilter({ name: value.trim() }), TYPING_MS);
  };
  return html`<div class="filters">
    <div class="chips" role="group" aria-label=${t("filter.states")}>
      <${Chip} label=${t("filter.all")} count=${counts.files} isOn=${!state && !review} onPick=${() => dataset.setFilter({ state: "", review: "" })} />
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
  </div>`;
}

/** @param {{label: string, count: number, isOn: boolean, onPick: () => void, state?: string}} props */
function Chip({ label, count, isOn, onPick, state = "" }) {
  return html`<button type="button" class=${`chip ${state}`} aria-pressed=${isOn} onClick=${onPick}>
    ${label} <b>${number(count)}</b>
  </button>`;
}

// @ts-check
/** Short messages at the edge of the page, some with a button such as Undo. */
import { signal } from "@preact/signals";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { problemText } from "../sentences.js";
import { Icon } from "./icons.js";

const SHOWN_MS = 12_000;
/** A person must have time to reach the button with the keyboard. */
const SHOWN_WITH_BUTTON_MS = 40_000;

/** @typedef {{id: number, text: string, kind: "info" | "error", act?: {label: string, run: () => unknown}}} Toast */

/** @type {import("@preact/signals").Signal<Toast[]>} */
export const toasts = signal([]);
let last = 0;

/** @param {string} text @param {{kind?: "info" | "error", act?: Toast["act"]}} [options] */
export function say(text, { kind = "info", act } = {}) {
  const id = (last += 1);
  toasts.value = [...toasts.value.slice(-3), { id, text, kind, act }];
  dropLater(id, act ? SHOWN_WITH_BUTTON_MS : SHOWN_MS);
}

/** Drop a message after some time, but not while the pointer or the focus is on one. @param {number} id @param {number} ms */
function dropLater(id, ms) {
  setTimeout(() => (document.querySelector(".toasts:hover, .toasts:focus-within") ? dropLater(id, ms) : drop(id)), ms);
}

/** Show an error as a sentence. @param {unknown} error */
export const sayError = (error) => say(problemText(error), { kind: "error" });

/** @param {number} id */
function drop(id) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts() {
  return html`<div class="toasts" role="region" aria-live="polite" aria-label=${t("messages")}>
    ${toasts.value.map(
      (toast) => html`<div key=${toast.id} class=${`toast ${toast.kind}`}>
        <span>${toast.text}</span>
        ${toast.act &&
        html`<button
          type="button"
          onClick=${() => {
            drop(toast.id);
            toast.act?.run();
          }}
        >
          ${toast.act.label}
        </button>`}
        <button type="button" class="quiet" aria-label=${t("close")} onClick=${() => drop(toast.id)}>
          <${Icon} name="close" />
        </button>
      </div>`,
    )}
  </div>`;
}

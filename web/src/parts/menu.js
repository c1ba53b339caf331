// @ts-check
/** A button that opens a list of actions. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "../html.js";
import { Icon } from "./icons.js";

/** @param {{label: string, items: {label: string, run: () => void}[]}} props */
export function Menu({ label, items }) {
  const isOpen = useSignal(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const button = useRef(/** @type {HTMLElement | null} */ (null));
  const close = (/** @type {boolean} */ returns) => {
    isOpen.value = false;
    if (returns) button.current?.focus();
  };
  useEffect(() => {
    if (!isOpen.value) return;
    /** @type {HTMLElement | null | undefined} */ (box.current?.querySelector('[role="menuitem"]'))?.focus();
    const leave = (/** @type {Event} */ event) => box.current?.contains(/** @type {Node} */ (event.target)) || close(false);
    addEventListener("pointerdown", leave);
    return () => removeEventListener("pointerdown", leave);
  }, [isOpen.value]);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const entries = /** @type {HTMLElement[]} */ ([...(box.current?.querySelectorAll('[role="menuitem"]') ?? [])]);
    const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") close(event.key === "Escape");
    if (to !== undefined) entries[(to + entries.length) % entries.length]?.focus();
    if (to !== undefined || event.key === "Escape") event.preventDefault();
    event.stopPropagation();
  };
  return html`<span class="menu" ref=${box}>
    <button ref=${button} type="button" class="quiet" aria-label=${label} aria-haspopup="menu" aria-expanded=${isOpen.value} onClick=${() => (isOpen.value = !isOpen.value)}>
      <${Icon} name="more" />
    </button>
    ${isOpen.value &&
    html`<ul role="menu" aria-label=${label} onKeyDown=${onKey}>
      ${items.map(
        (item) => html`<li key=${item.label} role="none">
          <button
            type="button"
            role="menuitem"
            tabindex="-1"
            onClick=${() => {
              close(true);
              item.run();
            }}
          >
            ${item.label}
          </button>
        </li>`,
      )}
    </ul>`}
  </span>`;
}

// @ts-check
/** Tabs, as the ARIA pattern describes them: one tab stop, arrow keys between them. */
import { useSignal } from "@preact/signals";
import { html } from "../html.js";

/** @param {{tabs: {name: string, label: string, content: () => any}[], label: string}} props */
export function Tabs({ tabs, label }) {
  const current = useSignal(tabs[0].name);
  const shown = tabs.find((tab) => tab.name === current.value) ?? tabs[0];
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(shown) + by + tabs.length) % tabs.length];
    current.value = next.name;
    document.getElementById(`tab-${next.name}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${onKey}>
      ${tabs.map(
        (tab) => html`<button
          key=${tab.name}
          id=${`tab-${tab.name}`}
          type="button"
          role="tab"
          aria-selected=${tab === shown}
          aria-controls="tab-panel"
          tabindex=${tab === shown ? 0 : -1}
          onClick=${() => (current.value = tab.name)}
        >
          ${tab.label}
        </button>`,
      )}
    </div>
    <div class="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby=${`tab-${shown.name}`} tabindex="0">${shown.content()}</div>`;
}

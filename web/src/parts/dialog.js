// @ts-check
/** A modal dialog. The browser keeps the focus in it and closes it with Escape. */
import { useEffect, useRef } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Icon } from "./icons.js";

/** @param {{title: string, onClose: () => void, children: any, isWide?: boolean}} props */
export function Dialog({ title, onClose, children, isWide = false }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    ref.current?.showModal();
    return () => before?.focus();
  }, []);
  return html`<dialog ref=${ref} class=${isWide ? "dialog wide" : "dialog"} aria-label=${title} onClose=${onClose}>
    <header class="dialog-head">
      <h2>${title}</h2>
      <button type="button" class="quiet" aria-label=${t("close")} onClick=${onClose}><${Icon} name="close" /></button>
    </header>
    ${children}
  </dialog>`;
}

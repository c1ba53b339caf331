// @ts-check
/** The whole window takes a drop of files and folders, which an empty dataset says once it does. */
import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { may } from "../session.js";
import { bringsFiles, droppedFiles } from "../uploads/drop.js";
import { Icon } from "./icons.js";
import { sayError } from "./toasts.js";

/**
 * @param {{text: string, onFiles: (picked: import("../uploads/drop.js").Picked[], folder: string | null, target: Element | null) => void}} props
 */
export function DropZone({ text, onFiles }) {
  const isOver = useSignal(false);
  useLayoutEffect(() => {
    let depth = 0;
    const enter = (/** @type {DragEvent} */ event) => {
      if (!bringsFiles(event.dataTransfer)) return;
      event.preventDefault();
      depth += 1;
      isOver.value = true;
    };
    const over = (/** @type {DragEvent} */ event) => {
      if (bringsFiles(event.dataTransfer)) event.preventDefault();
    };
    const leave = () => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) isOver.value = false;
    };
    const drop = (/** @type {DragEvent} */ event) => {
      depth = 0;
      isOver.value = false;
      if (!event.dataTransfer || !bringsFiles(event.dataTransfer)) return;
      event.preventDefault();
      const target = document.elementFromPoint(event.clientX, event.clientY);
      droppedFiles(event.dataTransfer).then(({ picked, folder }) => onFiles(picked, folder, target), sayError);
    };
    addEventListener("dragenter", enter);
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, [onFiles]);
  if (!isOver.value) return null;
  return html`<div class="drop-zone"><p><${Icon} name="upload" size=${32} />${text}</p></div>`;
}

export function Empty() {
  return html`<div class="empty">
    <${Icon} name="upload" size=${40} />
    <h2>${t("dataset.empty")}</h2>
    <p>${t(may("editor") ? "dataset.empty_hint" : "dataset.empty_viewer")}</p>
  </div>`;
}

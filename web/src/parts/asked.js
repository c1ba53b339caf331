// @ts-check
/** What is asked for the files that are uploaded next: a button that says it, and a dialog that changes it. */
import { useSignal } from "@preact/signals";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { PATCH_T, askedBy } from "../uploads/asked.js";
import { asked, askedFor } from "../uploads/uploads.js";
import { Dialog } from "./dialog.js";

const SLIDERS = "M2 4.5h6m4 0h2M2 11.5h2m4 0h6M10 6.3a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zM6 13.3a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z";
const BLANK_PAGES = ["keep", "drop", "separate"];

/** @param {{datasetId: string, name?: string}} props `name`: the dataset's, where several stand beside each other */
export function AskedButton({ datasetId, name }) {
  const isOpen = useSignal(false);
  const { labels = [], separation } = askedFor(datasetId);
  const parts = [...(separation ? [t("asked.split")] : []), ...labels];
  const shown = parts.join(" · ");
  const title = name === undefined ? t("asked.title") : t("asked.of", { name });
  const label = [title, shown].filter(Boolean).join(": ");
  return html`<button
      type="button"
      class=${parts.length ? "quiet asked is-set" : "quiet asked"}
      aria-label=${label}
      title=${label}
      onClick=${() => (isOpen.value = true)}
    >
      <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false"><path d=${SLIDERS} /></svg>${shown && html`<span class="asked-text" dir="auto">${shown}</span>`}
    </button>
    ${isOpen.value && html`<${AskedDialog} title=${title} datasetId=${datasetId} onClose=${() => (isOpen.value = false)} />`}`;
}

/** @param {{title: string, datasetId: string, onClose: () => void}} props */
function AskedDialog({ title, datasetId, onClose }) {
  const { labels = [], separation } = askedFor(datasetId);
  const splits = useSignal(Boolean(separation));
  const problem = useSignal("");
  const set = (/** @type {import("../uploads/asked.js").Asked} */ next) => {
    asked.value = new Map([...asked.value, [datasetId, next]]);
    onClose();
  };
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const value = (/** @type {string} */ name) => event.target.elements[name]?.value ?? "";
    const found = askedBy({
      labels: value("labels"),
      splits: splits.value,
      separators: value("separators"),
      firstPages: value("first_pages"),
      blankPages: value("blank_pages"),
    });
    if (typeof found === "string") problem.value = t(found);
    else set(found);
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form class="form" onSubmit=${submit}>
      <p class="faint">${t("asked.hint")}</p>
      <label for="asked-labels">${t("asked.labels")}</label>
      <input id="asked-labels" name="labels" defaultValue=${labels.join(", ")} autocomplete="off" aria-describedby="asked-labels-hint" />
      <p class="faint" id="asked-labels-hint">${t("asked.labels_hint")}</p>
      <label class="check"><input type="checkbox" checked=${splits.value} onChange=${(/** @type {any} */ event) => (splits.value = event.target.checked)} />${t("asked.splits")}</label>
      <p class="faint">${t("asked.splits_hint", { text: PATCH_T })}</p>
      ${splits.value && html`<${Separation} separation=${separation ?? null} />`}
      <p class="problem" role="alert">${problem.value}</p>
      <div class="form-end">
        <button type="button" onClick=${() => set({})}>${t("asked.clear")}</button>
        <button class="primary">${t("asked.apply")}</button>
      </div>
    </form>
  <//>`;
}

/** @param {{separation: import("../uploads/asked.js").Separation | null}} props */
function Separation({ separation }) {
  const { separators = [PATCH_T], first_pages: firstPages = [], blank_pages: blankPages = "keep" } = separation ?? {};
  return html`<label for="asked-separators">${t("asked.separators")}</label>
    <input id="asked-separators" name="separators" defaultValue=${separators.join(", ")} autocomplete="off" />
    <label for="asked-first">${t("asked.first_pages")}</label>
    <input id="asked-first" name="first_pages" defaultValue=${firstPages.join(", ")} autocomplete="off" placeholder="INV-*" />
    <label for="asked-blank">${t("asked.blank_pages")}</label>
    <select id="asked-blank" name="blank_pages" defaultValue=${blankPages}>
      ${BLANK_PAGES.map((name) => html`<option key=${name} value=${name} selected=${name === blankPages}>${t(`asked.blank.${name}`)}</option>`)}
    </select>`;
}

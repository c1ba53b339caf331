// @ts-check
/** Asks for the name of a new dataset, and opens it. */
import { useSignal } from "@preact/signals";
import { make } from "../data/make.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import { problemText } from "../sentences.js";
import { Dialog } from "./dialog.js";

/** @param {{onClose: () => void}} props */
export function NewDataset({ onClose }) {
  const problem = useSignal("");
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    try {
      go({ screen: "dataset", datasetId: await make(event.target.elements.name.value.trim()) });
    } catch (error) {
      problem.value = problemText(error);
    }
  };
  return html`<${Dialog} title=${t("datasets.new")} onClose=${onClose}>
    <form class="form" onSubmit=${submit}>
      <label for="name">${t("datasets.name")}</label>
      <input id="name" name="name" required maxlength="200" autocomplete="off" />
      <p class="faint">${t("datasets.default_columns")}</p>
      <p class="problem" role="alert">${problem.value}</p>
      <div class="form-end">
        <button type="button" onClick=${onClose}>${t("cancel")}</button>
        <button class="primary">${t("datasets.make")}</button>
      </div>
    </form>
  <//>`;
}

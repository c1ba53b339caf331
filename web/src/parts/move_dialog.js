// @ts-check
/** Asks to which dataset files are moved, and what they are where that teaches rules. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { KINDS, others } from "../data/routing.js";
import { html } from "../html.js";
import { catalogue, t } from "../i18n.js";
import { move } from "../moves.js";
import { named } from "../said.js";
import { problemText } from "../sentences.js";
import { api } from "../session.js";
import { Dialog } from "./dialog.js";

/**
 * @param {{files: import("../actions.js").Files, title: string, onClose: () => void, onMoved?: () => void}} props
 *   `onMoved` is called once a file was moved
 */
export function MoveDialog({ files, title, onClose, onMoved = () => {} }) {
  const datasets = useSignal(/** @type {any[] | null} */ (null));
  const problem = useSignal("");
  const isBusy = useSignal(false);
  useEffect(() => {
    api.get("/datasets").then((body) => (datasets.value = body.datasets), (error) => (problem.value = problemText(error)));
  }, []);
  const targets = others(datasets.value ?? [], files.datasetId, catalogue.value.locale);
  const teaches = (datasets.value ?? []).some(({ routing }) => Object.keys(routing).length > 0);
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    const { to, kind } = event.target.elements;
    const target = targets.find(({ id }) => id === to.value);
    if (!target) return;
    isBusy.value = true;
    const count = await move(files, target, kind?.value);
    isBusy.value = false;
    onClose();
    if (count) onMoved();
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p class="problem" role="alert">${problem.value}</p>
    ${datasets.value === null && !problem.value && html`<p class="faint">${t("loading")}</p>`}
    ${datasets.value !== null && targets.length === 0 && html`<p>${t("move.nowhere")}</p>`}
    ${targets.length > 0 &&
    html`<form class="form" onSubmit=${submit}>
      <label for="move-to">${t("move.to")}</label>
      <select id="move-to" name="to" required>
        <option value=""></option>
        ${targets.map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`)}
      </select>
      ${teaches && html`<${KindChoice} />`}
      <p class="faint">${t("move.hint")}</p>
      <div class="form-end">
        <button type="button" onClick=${onClose}>${t("cancel")}</button>
        <button class="primary" disabled=${isBusy.value}>${t("move.do")}</button>
      </div>
    </form>`}
  <//>`;
}

function KindChoice() {
  return html`<label for="move-kind">${t("move.kind")}</label>
    <select id="move-kind" name="kind" aria-describedby="move-kind-hint">
      <option value="">${t("move.by_rules")}</option>
      ${KINDS.map((kind) => html`<option key=${kind} value=${kind}>${named("recognised", kind)}</option>`)}
    </select>
    <p class="faint" id="move-kind-hint">${t("move.kind_hint")}</p>`;
}

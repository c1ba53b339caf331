// @ts-check
/** What can be done with the chosen rows, or with all rows of the filter. */
import { useSignal } from "@preact/signals";
import { approve, filesOf, remove, retry } from "../actions.js";
import { chooseAll, clear } from "../data/selection.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { may } from "../session.js";
import { Icon } from "./icons.js";
import { Lazy } from "./lazy.js";

const moveDialog = () => import("./move_dialog.js").then((module) => module.MoveDialog);

/** @param {{dataset: import("../data/dataset.js").Dataset}} props */
export function ChosenBar({ dataset }) {
  const isBusy = useSignal(false);
  const isMoving = useSignal(false);
  const { selection, total } = dataset;
  const { chosen, isAll } = selection.value;
  const files = isAll ? { datasetId: dataset.id, filter: dataset.filter.value } : filesOf(dataset.id, [...chosen]);
  /** @param {(files: import("../actions.js").Files) => Promise<void>} act */
  const run = (act) => async () => {
    isBusy.value = true;
    await act(files);
    isBusy.value = false;
  };
  const shown = isAll ? all(dataset) : t("chosen.count", { count: chosen.size });
  return html`<div class="chosen-bar" role="group" aria-label=${t("chosen.label")}>
    <b role="status">${shown}</b>
    ${!isAll && chosen.size < total && html`<button type="button" onClick=${() => (selection.value = chooseAll(selection.value))}>${dataset.isCounted ? t("chosen.all", { count: total }) : t("chosen.all_found")}</button>`}
    ${may("editor") && html`<button type="button" disabled=${isBusy.value} onClick=${run(approve)}><${Icon} name="check" />${t("review.approve")}</button>`}
    ${may("editor") && html`<button type="button" disabled=${isBusy.value} onClick=${() => (isMoving.value = true)}><${Icon} name="folder" />${t("move")}</button>`}
    ${may("operator") && html`<button type="button" disabled=${isBusy.value} onClick=${run(retry)}><${Icon} name="retry" />${t("retry")}</button>`}
    ${may("editor") && html`<button type="button" disabled=${isBusy.value} onClick=${run(remove)}><${Icon} name="trash" />${t("remove")}</button>`}
    <button type="button" class="quiet" onClick=${() => (selection.value = clear(selection.value))}>${t("chosen.clear")}</button>
    ${isMoving.value && html`<${Lazy} load=${moveDialog} isQuiet=${true} props=${{ files, title: `${t("move.title")}: ${shown}`, onClose: () => (isMoving.value = false) }} />`}
  </div>`;
}

/** @param {import("../data/dataset.js").Dataset} dataset */
const all = (dataset) => (dataset.isCounted ? t("chosen.all_count", { count: dataset.total }) : t("chosen.all_of_filter"));

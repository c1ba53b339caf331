// @ts-check
/** What can be done with the chosen rows, or with all rows of the filter. */
import { useSignal } from "@preact/signals";
import { approve, filesOf, remove, retry } from "../actions.js";
import { chooseAll, clear } from "../data/selection.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { may } from "../session.js";
import { Icon } from "./icons.js";

/** @param {{dataset: import("../data/dataset.js").Dataset}} props */
export function ChosenBar({ dataset }) {
  const isBusy = useSignal(false);
  const { selection, total } = dataset;
  const { chosen, isAll } = selection.value;
  const files = isAll ? { datasetId: dataset.id, filter: dataset.filter.value } : filesOf(dataset.id, [...chosen]);
  /** @param {(files: import("../actions.js").Files) => Promise<void>} act */
  const run = (act) => async () => {
    isBusy.value = true;
    await act(files);
    isBusy.value = false;
  };
  return html`<div class="chosen-bar" role="group" aria-label=${t("chosen.label")}>
    <b role="status">${isAll ? all(dataset) : t("chosen.count", { count: chosen.size })}</b>
    ${!isAll && chosen.size < total && html`<button type="button" onClick=${() => (selection.value = chooseAll(selection.value))}>${dataset.isCounted ? t("chosen.all", { count: total }) : t("chosen.all_found")}</button>`}
    ${may("editor") && html`<button type="button" disabled=${isBusy.value} onClick=${run(approve)}><${Icon} name="check" />${t("review.approve")}</button>`}
    ${may("operator") && html`<button type="button" disabled=${isBusy.value} onClick=${run(retry)}><${Icon} name="retry" />${t("retry")}</button>`}
    ${may("editor") && html`<button type="button" disabled=${isBusy.value} onClick=${run(remove)}><${Icon} name="trash" />${t("remove")}</button>`}
    <button type="button" class="quiet" onClick=${() => (selection.value = clear(selection.value))}>${t("chosen.clear")}</button>
  </div>`;
}

/** @param {import("../data/dataset.js").Dataset} dataset */
const all = (dataset) => (dataset.isCounted ? t("chosen.all_count", { count: dataset.total }) : t("chosen.all_of_filter"));

// @ts-check
/** One dataset: its table, filters, uploads, and what can be done with chosen rows. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { columnsOf } from "../data/columns.js";
import { openDataset } from "../data/dataset.js";
import { remove, retry } from "../actions.js";
import { chooseAll, clear } from "../data/selection.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Filters } from "../parts/chips.js";
import { DatasetMenu } from "../parts/dataset_menu.js";
import { DropZone } from "../parts/drop_zone.js";
import { Icon } from "../parts/icons.js";
import { KeysHelp } from "../parts/keys_help.js";
import { PickButtons } from "../parts/pick_buttons.js";
import { explanation } from "../parts/state.js";
import { Table } from "../parts/table.js";
import { say } from "../parts/toasts.js";
import { UploadStrip } from "../parts/upload_strip.js";
import { addressOf, go } from "../router.js";
import { may } from "../session.js";
import { isTyping } from "../parts/typing.js";
import { upload } from "../uploads/uploads.js";

const KEYS = ["arrows", "space", "enter", "delete", "r", "all", "slash", "question"];

/** @param {{datasetId: string}} props */
export function DatasetScreen({ datasetId }) {
  const dataset = useMemo(() => openDataset(datasetId), [datasetId]);
  const showsKeys = useSignal(false);
  const info = dataset.info.value;
  const columns = useComputed(() => columnsOf(dataset.info.value?.schema));
  useEffect(() => {
    if (info) document.title = `${info.name} · Fairway`;
  }, [info?.name]);
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/") {
        event.preventDefault();
        document.getElementById("search")?.focus();
      } else if (event.key === "?") {
        showsKeys.value = true;
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const onFiles = (/** @type {import("../uploads/drop.js").Picked[]} */ picked) =>
    picked.length ? upload(datasetId, picked) : say(t("upload.nothing"));
  const onRemove = may("editor") ? (/** @type {string[]} */ ids) => void remove(datasetId, ids) : null;
  const onRetry = may("operator") ? retryAll : null;

  if (!info) {
    return html`<div class="screen">${dataset.problem.value ? html`<p class="problem" role="alert">${dataset.problem.value}</p>` : html`<p class="faint">${t("loading")}</p>`}</div>`;
  }
  dataset.version.value; // drawn again at each change
  const isEmpty = info.counts.files === 0 && dataset.rows.list.length === 0;
  return html`<div class="screen dataset">
    <div class="screen-head">
      <a class="crumb" href=${addressOf({ screen: "datasets" })} aria-label=${t("datasets.title")}><${Icon} name="back" /></a>
      <h1 dir="auto">${info.name}</h1>
      ${!dataset.isConnected.value && html`<span class="offline" role="status">${t("offline")}</span>`}
      <span class="gap"></span>
      <button type="button" class="quiet keys-button" aria-label=${t("keys.title")} onClick=${() => (showsKeys.value = true)}>?</button>
      ${may("editor") && html`<${PickButtons} onFiles=${onFiles} />`}
      <${DatasetMenu} dataset=${dataset} />
    </div>
    ${dataset.problem.value && html`<p class="problem" role="alert">${dataset.problem.value}</p>`}
    ${isEmpty
      ? html`<${Empty} />`
      : html`<${Filters} dataset=${dataset} />
          <${Chosen} dataset=${dataset} onRemove=${onRemove} onRetry=${onRetry} />
          <${Table}
            dataset=${dataset}
            columns=${columns.value}
            onOpen=${(/** @type {string} */ fileId) => go({ screen: "file", datasetId, fileId })}
            onRemove=${onRemove}
            onRetry=${onRetry}
          />
          <${ActiveRow} dataset=${dataset} />`}
    <${UploadStrip} datasetId=${datasetId} />
    ${may("editor") && html`<${DropZone} text=${t("upload.drop", { name: info.name })} onFiles=${onFiles} />`}
    ${showsKeys.value && html`<${KeysHelp} names=${KEYS} onClose=${() => (showsKeys.value = false)} />`}
  </div>`;
}

/** @param {string[]} ids */
const retryAll = (ids) => void retry(ids);

function Empty() {
  return html`<div class="empty">
    <${Icon} name="upload" size=${40} />
    <h2>${t("dataset.empty")}</h2>
    <p>${t(may("editor") ? "dataset.empty_hint" : "dataset.empty_viewer")}</p>
  </div>`;
}

/**
 * What can be done with the chosen rows.
 * @param {{dataset: import("../data/dataset.js").Dataset, onRemove: ((ids: string[]) => void) | null, onRetry: ((ids: string[]) => void) | null}} props
 */
function Chosen({ dataset, onRemove, onRetry }) {
  const isBusy = useSignal(false);
  const { chosen } = dataset.selection.value;
  if (chosen.size === 0) return null;
  const ids = [...chosen];
  const total = dataset.total;
  const all = async () => {
    isBusy.value = true;
    await dataset.reach(Infinity).finally(() => (isBusy.value = false));
    dataset.selection.value = chooseAll(dataset.selection.value, dataset.rows.list.map((row) => row.id));
  };
  return html`<div class="chosen-bar" role="group" aria-label=${t("chosen.label")}>
    <b role="status">${t("chosen.count", { count: chosen.size })}</b>
    ${chosen.size < total && html`<button type="button" disabled=${isBusy.value} onClick=${all}>${t("chosen.all", { count: total })}</button>`}
    ${onRetry && html`<button type="button" onClick=${() => onRetry(ids)}><${Icon} name="retry" />${t("retry")}</button>`}
    ${onRemove && html`<button type="button" onClick=${() => onRemove(ids)}><${Icon} name="trash" />${t("remove")}</button>`}
    <button type="button" class="quiet" onClick=${() => (dataset.selection.value = clear(dataset.selection.value))}>${t("chosen.clear")}</button>
  </div>`;
}

/** One line about the active row, for sentences that do not fit into its cell. @param {{dataset: import("../data/dataset.js").Dataset}} props */
function ActiveRow({ dataset }) {
  const row = dataset.rows.byId.get(dataset.selection.value.active ?? "");
  const why = row ? explanation(row) : "";
  return html`<p class="active-line" role="status">${row && why ? html`<b dir="auto">${row.name}</b> ${why}` : ""}</p>`;
}

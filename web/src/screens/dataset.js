// @ts-check
/** One dataset: its table, filters, uploads, and what can be done with chosen rows. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { openDataset } from "../data/dataset.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Filters } from "../parts/chips.js";
import { Icon } from "../parts/icons.js";
import { Lazy, preload } from "../parts/lazy.js";
import { explanation } from "../parts/state.js";
import { Table } from "../parts/table.js";
import { say, sayError } from "../parts/toasts.js";
import { addressOf, go } from "../router.js";
import { may } from "../session.js";
import { isTyping } from "../parts/table_keys.js";
import { engine, runsOf, upload } from "../uploads/uploads.js";

/** @typedef {import("../data/dataset.js").Dataset} Dataset */

const KEYS = ["arrows", "space", "enter", "delete", "r", "all", "slash", "question"];
const keysHelp = () => import("../parts/keys_help.js").then((module) => module.KeysHelp);
const menu = () => import("../parts/dataset_menu.js").then((module) => module.DatasetMenu);
const dropZone = () => import("../parts/drop_zone.js").then((module) => module.DropZone);
const empty = () => import("../parts/drop_zone.js").then((module) => module.Empty);
const strip = () => import("../parts/upload_strip.js").then((module) => module.UploadStrip);
const asked = () => import("../parts/asked.js").then((module) => module.AskedButton);
const chosenBar = () => import("../parts/chosen_bar.js").then((module) => module.ChosenBar);
const actions = () => import("../actions.js");
/** What is loaded after the first rows, so that it is there when it is needed, even without a connection. */
const LATER_MS = 1000;

/** @param {{datasetId: string}} props */
export function DatasetScreen({ datasetId }) {
  const dataset = useMemo(() => openDataset(datasetId), [datasetId]);
  const showsKeys = useSignal(false);
  const info = dataset.info.value;
  const columns = useComputed(() => dataset.columns());
  useEffect(() => {
    if (info) document.title = `${info.name} · Fairway`;
  }, [info?.name]);
  useLayoutEffect(() => {
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
  const hasRows = dataset.version.value > 0; // drawn again at each change
  useEffect(() => {
    if (!hasRows) return;
    const timer = setTimeout(() => {
      preload("file");
      Promise.all([actions(), chosenBar(), ...(may("editor") ? [engine(), strip()] : [])]).catch(() => {});
    }, LATER_MS);
    return () => clearTimeout(timer);
  }, [hasRows]);
  const onFiles = (/** @type {import("../uploads/drop.js").Picked[]} */ picked) =>
    picked.length ? void upload(datasetId, picked) : say(t("upload.nothing"));
  /** @param {"remove" | "retry"} name */
  const act = (name) => (/** @type {string[]} */ ids) => void actions().then((module) => module[name](module.filesOf(datasetId, ids)), sayError);
  const onRemove = may("editor") ? act("remove") : null;
  const onRetry = may("operator") ? act("retry") : null;

  if (!info) {
    return html`<div class="screen">${dataset.problem.value ? html`<p class="problem" role="alert">${dataset.problem.value}</p>` : html`<p class="faint">${t("loading")}</p>`}</div>`;
  }
  const isEmpty = info.counts.files === 0 && dataset.rows.list.length === 0;
  const { chosen, isAll } = dataset.selection.value;
  return html`<div class="screen dataset">
    <div class="screen-head">
      <a class="crumb" href=${addressOf({ screen: "datasets" })} aria-label=${t("datasets.title")}><${Icon} name="back" /></a>
      <h1 dir="auto">${info.name}</h1>
      ${!dataset.isConnected.value && html`<span class="offline" role="status">${t("offline")}</span>`}
      <span class="gap"></span>
      <button type="button" class="quiet keys-button" aria-label=${t("keys.title")} onClick=${() => (showsKeys.value = true)}>?</button>
      ${may("editor") &&
      html`<span class="asked-place">${hasRows && html`<${Lazy} load=${asked} props=${{ datasetId }} isQuiet=${true} />`}</span>
        <${PickButtons} onFiles=${onFiles} />`}
      <span class="menu-place">${hasRows && html`<${Lazy} load=${menu} props=${{ dataset }} isQuiet=${true} />`}</span>
    </div>
    ${dataset.problem.value && html`<p class="problem" role="alert">${dataset.problem.value}</p>`}
    ${isEmpty
      ? html`<${Lazy} key="empty" load=${empty} isQuiet=${true} />`
      : html`<${Filters} dataset=${dataset} columns=${columns.value} />
          ${(isAll || chosen.size > 0) && html`<${Lazy} key="chosen" load=${chosenBar} props=${{ dataset }} isQuiet=${true} />`}
          ${dataset.rows.isComplete && dataset.rows.list.length === 0 && html`<p class="no-rows" role="status">${t("table.none")}</p>`}
          <${Table}
            dataset=${dataset}
            columns=${columns.value}
            onOpen=${(/** @type {string} */ fileId) => go({ screen: "file", datasetId, fileId })}
            onRemove=${onRemove}
            onRetry=${onRetry}
          />
          <${ActiveRow} dataset=${dataset} />`}
    ${runsOf(datasetId).map((run) => html`<${Lazy} key=${`strip ${run.number}`} load=${strip} props=${{ run }} isQuiet=${true} />`)}
    ${hasRows && may("editor") && html`<${Lazy} key="drop" load=${dropZone} isQuiet=${true} props=${{ text: t("upload.drop", { name: info.name }), onFiles }} />`}
    ${showsKeys.value && html`<${Lazy} key="keys" load=${keysHelp} isQuiet=${true} props=${{ names: KEYS, onClose: () => (showsKeys.value = false) }} />`}
  </div>`;
}

/** Buttons that choose files or a folder for an upload. @param {{onFiles: (picked: import("../uploads/drop.js").Picked[]) => void}} props */
function PickButtons({ onFiles }) {
  const files = useRef(/** @type {HTMLInputElement | null} */ (null));
  const folder = useRef(/** @type {HTMLInputElement | null} */ (null));
  const take = (/** @type {any} */ event) => {
    const picked = [...event.target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
    event.target.value = "";
    onFiles(picked);
  };
  return html`<span class="pick-buttons">
    <input ref=${files} type="file" multiple hidden onChange=${take} data-testid="files" />
    <input ref=${folder} type="file" webkitdirectory hidden onChange=${take} data-testid="folder" />
    <button type="button" class="primary" onClick=${() => files.current?.click()}>
      <${Icon} name="upload" /><span class="on-wide">${t("upload.files")}</span>
    </button>
    <button type="button" class="folder-button" onClick=${() => folder.current?.click()}><${Icon} name="folder" />${t("upload.folder")}</button>
  </span>`;
}

/** One line about the active row, for sentences that do not fit into its cell. @param {{dataset: Dataset}} props */
function ActiveRow({ dataset }) {
  const row = dataset.rows.get(dataset.selection.value.active ?? "");
  const why = row ? explanation(row) : "";
  return html`<p class="active-line" role="status">${row && why ? html`<b dir="auto">${row.name}</b> ${why}` : ""}</p>`;
}

// @ts-check
/** All datasets of the tenant, as cards with their counts. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { moment } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { DropZone } from "../parts/drop_zone.js";
import { Icon } from "../parts/icons.js";
import { Lazy } from "../parts/lazy.js";
import { useRepeated } from "../parts/repeated.js";
import { stateName } from "../parts/state.js";
import { say, sayError } from "../parts/toasts.js";
import { UploadNote } from "../parts/upload_note.js";
import { make } from "../data/make.js";
import { addressOf, go } from "../router.js";
import { problemText } from "../sentences.js";
import { api, may } from "../session.js";
import { upload } from "../uploads/uploads.js";

const newDataset = () => import("../parts/new_dataset.js").then((module) => module.NewDataset);
const asked = () => import("../parts/asked.js").then((module) => module.AskedButton);
const removed = () => import("../parts/removed_dialog.js").then((module) => module.RemovedDialog);
const READ_EVERY_MS = 3000;
const STATES = ["done", "partial", "failed", "processing", "uploading", "upload_missing", "cancelled"];

export function DatasetsScreen() {
  const datasets = useSignal(/** @type {any[] | null} */ (null));
  const problem = useSignal("");
  const isMaking = useSignal(false);
  const showsRemoved = useSignal(false);
  const read = async () => {
    try {
      datasets.value = (await api.get("/datasets")).datasets;
      problem.value = "";
    } catch (error) {
      problem.value = problemText(error);
    }
  };
  useEffect(() => {
    document.title = `${t("datasets.title")} · Fairway`;
  }, []);
  useRepeated(read, READ_EVERY_MS);

  const onFiles = async (/** @type {any} */ picked, /** @type {string | null} */ folder, /** @type {Element | null} */ target) => {
    if (picked.length === 0) return say(t("upload.nothing"));
    try {
      const card = target?.closest("[data-dataset]");
      const id = card?.getAttribute("data-dataset") ?? (await make(folder ?? t("datasets.new_name")));
      void upload(id, picked);
      go({ screen: "dataset", datasetId: id });
    } catch (error) {
      sayError(error);
    }
  };

  return html`<div class="screen datasets">
    <div class="screen-head">
      <h1>${t("datasets.title")}</h1>
      <span class="gap"></span>
      <button type="button" class="quiet" onClick=${() => (showsRemoved.value = true)}>${t("dataset.removed")}</button>
      ${may("editor") &&
      html`<button type="button" class="primary" onClick=${() => (isMaking.value = true)}>
        <${Icon} name="plus" /><span class="on-wide">${t("datasets.new")}</span>
      </button>`}
    </div>
    ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    ${datasets.value === null && !problem.value && html`<p class="faint">${t("loading")}</p>`}
    ${datasets.value?.length === 0 && html`<div class="empty"><h2>${t("datasets.none")}</h2><p>${t("datasets.none_hint")}</p></div>`}
    <ul class="cards">
      ${[...(datasets.value ?? [])]
        .sort((a, b) => (a.created_at < b.created_at ? 1 : -1))
        .map((dataset) => html`<${Card} key=${dataset.id} dataset=${dataset} />`)}
    </ul>
    ${may("editor") && html`<${DropZone} text=${t("datasets.drop")} onFiles=${onFiles} />`}
    ${showsRemoved.value && html`<${Lazy} key="removed" load=${removed} isQuiet=${true} props=${{ path: "/removals", onClose: () => (showsRemoved.value = false) }} />`}
    ${isMaking.value && html`<${Lazy} key="new" load=${newDataset} isQuiet=${true} props=${{ onClose: () => (isMaking.value = false) }} />`}
  </div>`;
}

/** @param {{dataset: any}} props */
function Card({ dataset }) {
  const { files, by_state: counts } = dataset.counts;
  const states = STATES.filter((state) => counts[state]);
  return html`<li class="card" data-dataset=${dataset.id}>
    <h2><a href=${addressOf({ screen: "dataset", datasetId: dataset.id })} dir="auto">${dataset.name}</a></h2>
    <p class="card-count">${t("files", { count: files })} <${UploadNote} datasetId=${dataset.id} /></p>
    <div class="bar" aria-hidden="true">
      ${states.map((state) => html`<i key=${state} class=${state} style=${{ flexGrow: counts[state] }}></i>`)}
    </div>
    <p class="card-states">
      ${states.map((state) => html`<span key=${state} class=${`state ${state}`}>${t("state_count", { count: counts[state], state: stateName(state) })}</span>`)}
    </p>
    <div class="card-end">
      <span class="faint">${t("datasets.made", { at: moment(dataset.created_at) })}</span>
      ${may("editor") && html`<${Lazy} load=${asked} isQuiet=${true} props=${{ datasetId: dataset.id, name: dataset.name }} />`}
    </div>
  </li>`;
}

// @ts-check
/** What can be done with a whole dataset: rename, change its columns, rules and settings, export, show what was removed, delete. */
import { useSignal } from "@preact/signals";
import { undo } from "../actions.js";
import { pause } from "../api.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import { api, may } from "../session.js";
import { Dialog } from "./dialog.js";
import { Lazy } from "./lazy.js";
import { Menu } from "./menu.js";
import { say, sayError } from "./toasts.js";

/** The dialogs are loaded when they are first opened. @type {Record<string, () => Promise<(props: any) => any>>} */
const DIALOGS = {
  schema: () => import("./schema_dialog.js").then((module) => module.SchemaDialog),
  routing: () => import("./routing_dialog.js").then((module) => module.RoutingDialog),
  options: () => import("./options_dialog.js").then((module) => module.OptionsDialog),
  export: () => import("./export_dialog.js").then((module) => module.ExportDialog),
  removed: () => import("./removed_dialog.js").then((module) => module.RemovedDialog),
};

/** @param {{dataset: import("../data/dataset.js").Dataset}} props */
export function DatasetMenu({ dataset }) {
  const shown = useSignal("");
  const close = () => (shown.value = "");
  const open = (/** @type {string} */ name) => ({ label: t(`dataset.${name}`), run: () => (shown.value = name) });
  const items = [
    ...(may("editor") ? [open("rename"), open("schema")] : []),
    open("routing"),
    open("options"),
    open("export"),
    open("removed"),
    ...(may("editor") ? [{ label: t("dataset.delete"), run: () => void remove(dataset) }] : []),
  ];
  return html`<${Menu} label=${t("dataset.more")} items=${items} />
    ${shown.value === "rename" && html`<${Rename} dataset=${dataset} onClose=${close} />`}
    ${shown.value in DIALOGS &&
    html`<${Lazy} key=${shown.value} load=${DIALOGS[shown.value]} props=${{ dataset, path: `/datasets/${dataset.id}/removals`, onClose: close }} />`}`;
}

/** Delete without a question, since it can be undone. @param {import("../data/dataset.js").Dataset} dataset */
async function remove(dataset) {
  const { name, id, counts } = dataset.info.value;
  try {
    go({ screen: "datasets" });
    await pause(0); // until this screen has stopped its calls, which would find no dataset
    const removal = await api.call("DELETE", `/datasets/${id}`);
    say(t("dataset.deleted", { name }), { act: { label: t("undo"), run: () => undo([removal.id], counts.files) } });
  } catch (error) {
    sayError(error);
  }
}

/** @param {{dataset: import("../data/dataset.js").Dataset, onClose: () => void}} props */
function Rename({ dataset, onClose }) {
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    try {
      dataset.info.value = await api.call("PUT", `/datasets/${dataset.id}`, { name: event.target.elements.name.value.trim() });
      onClose();
    } catch (error) {
      sayError(error);
    }
  };
  return html`<${Dialog} title=${t("dataset.rename")} onClose=${onClose}>
    <form class="form" onSubmit=${submit}>
      <label for="name">${t("datasets.name")}</label>
      <input id="name" name="name" required maxlength="200" autocomplete="off" defaultValue=${dataset.info.value.name} />
      <div class="form-end"><button class="primary">${t("save")}</button></div>
    </form>
  <//>`;
}

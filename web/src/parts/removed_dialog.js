// @ts-check
/** What was removed and can still be brought back. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { undo } from "../actions.js";
import { moment } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { api, may } from "../session.js";
import { Dialog } from "./dialog.js";
import { sayError } from "./toasts.js";

/** @param {{path: string, onClose: () => void}} props `path`: the listing of a dataset's removals, or of all */
export function RemovedDialog({ path, onClose }) {
  const isOfAll = path === "/removals";
  const removals = useSignal(/** @type {any[] | null} */ (null));
  const read = () => api.get(path).then((body) => (removals.value = body.removals), sayError);
  useEffect(() => void read(), []);
  const bringBack = async (/** @type {any} */ removal) => {
    await undo([removal.id], removal.count);
    void read();
  };
  return html`<${Dialog} title=${t("dataset.removed")} onClose=${onClose} isWide=${true}>
    ${removals.value?.length === 0 && html`<p class="faint">${t("removed.none")}</p>`}
    <ul class="facts removed">
      ${(removals.value ?? []).map(
        (removal) => html`<li key=${removal.id}>
          <b>${moment(removal.created_at)}</b>
          <span dir="auto">${whatOf(removal, isOfAll)}</span>
          <span class="faint">${fate(removal)}</span>
          ${may("editor") && isOpen(removal) && html`<button type="button" class="small" onClick=${() => bringBack(removal)}>${t("removed.bring_back")}</button>`}
        </li>`,
      )}
    </ul>
  <//>`;
}

/** @param {string[]} names of some of the files @param {number} count of all */
function filesText(names, count) {
  if (names.length === 0) return t("files", { count });
  return count > names.length ? t("removed.some", { names: names.join(", "), count: count - names.length }) : names.join(", ");
}

/** What was removed: some files by their names, or a dataset. @param {any} removal @param {boolean} isOfAll whether datasets must be told apart */
function whatOf(removal, isOfAll) {
  const { whole_dataset: isWhole, count, file_names: names, dataset_name: dataset } = removal;
  if (isWhole && dataset) return t("removed.dataset", { count, name: dataset });
  const files = filesText(names, count);
  return isOfAll ? t("removed.of", { files, name: dataset ?? t("routing.removed") }) : files;
}

/** @param {any} removal */
const isOpen = (removal) => !removal.undone_at && !removal.erased_at && Date.parse(removal.undo_until) > Date.now();

/** @param {any} removal */
function fate(removal) {
  if (removal.undone_at) return t("removed.undone", { at: moment(removal.undone_at) });
  if (removal.erased_at) return t("removed.erased", { at: moment(removal.erased_at) });
  return t("removed.until", { at: moment(removal.undo_until) });
}

// @ts-check
/** Buttons that choose files or a folder for an upload. */
import { useRef } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Icon } from "./icons.js";

/** @param {{onFiles: (picked: import("../uploads/drop.js").Picked[]) => void, isPrimary?: boolean}} props */
export function PickButtons({ onFiles, isPrimary = true }) {
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
    <button type="button" class=${isPrimary ? "primary" : ""} onClick=${() => files.current?.click()}>
      <${Icon} name="upload" />${t("upload.files")}
    </button>
    <button type="button" class="folder-button" onClick=${() => folder.current?.click()}><${Icon} name="folder" />${t("upload.folder")}</button>
  </span>`;
}

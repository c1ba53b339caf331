// @ts-check
/** A list of the keys that a screen knows. */
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Dialog } from "./dialog.js";

/** @param {{names: string[], onClose: () => void}} props the catalogue has `keys.<name>` and `keys.<name>.does` */
export function KeysHelp({ names, onClose }) {
  return html`<${Dialog} title=${t("keys.title")} onClose=${onClose}>
    <dl class="keys">
      ${names.map((name) => html`<div key=${name}><dt><kbd>${t(`keys.${name}`)}</kbd></dt><dd>${t(`keys.${name}.does`)}</dd></div>`)}
    </dl>
  <//>`;
}

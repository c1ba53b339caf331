// @ts-check
/** The text that was read in a file. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../i18n.js";

const MOST_CHARACTERS = 200_000;

/** @param {{file: any}} props */
export function FileText({ file }) {
  const text = useSignal(/** @type {string | null} */ (null));
  const { url, source, confidence } = file.artifacts.text;
  useEffect(() => {
    fetch(url)
      .then((response) => (response.ok ? response.text() : ""))
      .then((content) => (text.value = content))
      .catch(() => (text.value = ""));
  }, [url]);
  return html`<div class="file-text">
    <p class="faint">${source && t(`text.source.${source}`)}${confidence ? ` · ${t("text.confidence", { confidence })}` : ""}</p>
    ${text.value === null ? html`<p class="faint">${t("loading")}</p>` : html`<pre dir="auto">${text.value.slice(0, MOST_CHARACTERS)}</pre>`}
  </div>`;
}

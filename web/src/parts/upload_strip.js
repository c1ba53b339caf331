// @ts-check
/** The strip of an upload: how far it is, pause and resume, what failed and what was there already. */
import { useSignal } from "@preact/signals";
import { duration, size } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { said } from "../said.js";
import { problemText } from "../sentences.js";
import { beginAgain, dismiss } from "../uploads/begin.js";
import { Icon } from "./icons.js";

/** @typedef {import("../uploads/run.js").UploadRun} UploadRun */

const MOST_LISTED = 200;

/** @param {{run: UploadRun}} props */
export function UploadStrip({ run }) {
  const isOpen = useSignal(false);
  run.version.value; // drawn again at each change
  const { added, arrived, bytes, bytesSent } = run.counts;
  const settled = arrived + run.duplicates.length + run.failures.length;
  const hasDetails = run.failures.length + run.duplicates.length > 0;
  return html`<section class="strip" aria-label=${t("upload.label")}>
    <div class="strip-line">
      <progress max=${Math.max(1, bytes + added)} value=${bytesSent + settled} aria-label=${t("upload.label")}></progress>
      <p class="strip-text" role="status">${summary(run)}</p>
      <span class="strip-size">${size(bytesSent)} / ${size(bytes)}</span>
      ${hasDetails &&
      html`<button type="button" aria-expanded=${isOpen.value} onClick=${() => (isOpen.value = !isOpen.value)}>
        ${t("upload.details")}
      </button>`}
      ${run.isActive &&
      (run.isPaused
        ? html`<button type="button" onClick=${() => run.resume()}><${Icon} name="play" />${t("upload.resume")}</button>`
        : html`<button type="button" onClick=${() => run.pause()}><${Icon} name="pause" />${t("upload.pause")}</button>`)}
      ${!run.isActive &&
      html`<button type="button" class="quiet" aria-label=${t("close")} onClick=${() => dismiss(run)}>
        <${Icon} name="close" />
      </button>`}
    </div>
    ${run.error && html`<p class="strip-problem" role="alert">${problemText(run.error)}</p>`}
    ${isOpen.value && html`<${Details} run=${run} />`}
  </section>`;
}

/** @param {UploadRun} run */
export function summary(run) {
  const { added, arrived } = run.counts;
  const parts = [];
  if (run.isPreparing) parts.push(t("upload.preparing", { count: added }));
  else if (run.isActive) parts.push(t("upload.progress", { arrived, count: added }));
  else parts.push(t("upload.finished", { arrived, count: arrived }));
  if (run.failures.length) parts.push(t("upload.failed", { count: run.failures.length }));
  if (run.duplicates.length) parts.push(t("upload.duplicates", { count: run.duplicates.length }));
  if (!run.isActive) return parts.join(" · ");
  if (run.isPaused) parts.push(t("upload.paused"));
  else if (run.isOffline) parts.push(t("upload.offline"));
  else if (run.remainingS !== null) parts.push(t("upload.eta", { eta: duration(run.remainingS) }), t("upload.keep_open"));
  return parts.join(" · ");
}

/** @param {{run: UploadRun}} props */
function Details({ run }) {
  const { failures, duplicates } = run;
  return html`<div class="strip-details">
    ${failures.length > 0 &&
    html`<h2>${t("upload.failed", { count: failures.length })}
        <button type="button" onClick=${() => run.retry()}><${Icon} name="retry" />${t("upload.retry_all")}</button>
      </h2>
      <ul>
        ${failures.slice(0, MOST_LISTED).map(
          (failure) => html`<li key=${failure.picked.name}>
            <b dir="auto">${failure.picked.name}</b> ${reasonOf(failure)}
            <button type="button" class="small" onClick=${() => run.retry([failure])}>${t("retry")}</button>
          </li>`,
        )}
      </ul>`}
    ${duplicates.length > 0 &&
    html`<h2>${t("upload.duplicates", { count: duplicates.length })}
        ${!run.isActive &&
        html`<button type="button" onClick=${() => beginAgain(run, duplicates)}>${t("upload.add_anyway")}</button>`}
      </h2>
      <ul>
        ${duplicates.slice(0, MOST_LISTED).map(({ name }) => html`<li key=${name} dir="auto">${name}</li>`)}
      </ul>`}
    ${Math.max(failures.length, duplicates.length) > MOST_LISTED &&
    html`<p>${t("upload.more", { count: Math.max(failures.length, duplicates.length) - MOST_LISTED })}</p>`}
  </div>`;
}

/** Why a file was not sent: a name in the catalogue, or a sentence of the API. @param {import("../uploads/engine.js").Failure} failure */
const reasonOf = ({ reason, code }) => (code ? problemText({ code, message: reason }) : said("upload.reason.", reason));

// @ts-check
/** The steps of a file by pipeline, and the attempts of each. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { duration, moment, time } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { reasonText } from "../said.js";
import { causeText } from "../sentences.js";
import { api } from "../session.js";
import { pipelineName, StateSign, stepName } from "./state.js";

/** @param {{file: any}} props */
export function Steps({ file }) {
  return html`<div class="steps">
    ${Object.entries(file.pipelines).map(
      ([name, pipeline]) => html`<section key=${name}>
        <h2>${pipelineName(name)} <${StateSign} state=${/** @type {any} */ (pipeline).state} /></h2>
        <ol>
          ${/** @type {any} */ (pipeline).steps.map((/** @type {any} */ step) => html`<${Step} key=${step.step} step=${step} />`)}
        </ol>
      </section>`,
    )}
    <${Attempts} file=${file} />
  </div>`;
}

/** @param {{step: any}} props */
function Step({ step }) {
  const tookS = step.started_at && step.ended_at ? (Date.parse(step.ended_at) - Date.parse(step.started_at)) / 1000 : null;
  const { progress, reason, error, attempts } = step;
  return html`<li>
    <b>${stepName(step.step)}</b> <${StateSign} state=${step.state} />
    ${progress && progress.total > 0 && html`<span class="faint">${t("step.progress", progress)}</span>`}
    ${tookS !== null && html`<span class="faint">${duration(tookS)}</span>`}
    ${attempts > 1 && html`<span class="faint">${t("step.attempts", { count: attempts })}</span>`}
    ${(error || reason) && html`<p>${error ? causeText(error) : reasonText(reason)}</p>`}
  </li>`;
}

/** @param {{file: any}} props */
function Attempts({ file }) {
  const attempts = useSignal(/** @type {any[] | null} */ (null));
  useEffect(() => {
    api.get(`/files/${file.id}/history`).then(
      (history) => (attempts.value = history.attempts),
      () => (attempts.value = []),
    );
  }, [file.id, file.updated_at]);
  if (!attempts.value?.length) return null;
  return html`<section>
    <h2>${t("history.title")}</h2>
    <div class="scroll-x" tabindex="0" role="region" aria-label=${t("history.title")}>
      <table class="plain">
        <thead>
          <tr>
            ${["step", "begun", "took", "outcome", "host"].map((name) => html`<th key=${name} scope="col">${t(`history.${name}`)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${attempts.value.map(
            (one, index) => html`<tr key=${index}>
              <td>${stepName(one.step)}${one.part ? ` ${one.part + 1}` : ""}${one.attempt > 1 ? ` (${one.attempt})` : ""}</td>
              <td title=${moment(one.started_at)}>${time(one.started_at)}</td>
              <td>${duration(Math.max(0, (Date.parse(one.ended_at) - Date.parse(one.started_at)) / 1000))}</td>
              <td>${t(`outcome.${one.outcome}`)}${one.error ? html`<br /><span class="faint">${causeText(one.error)}</span>` : ""}</td>
              <td>${one.host ?? ""}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

// @ts-check
/** All steps: what waits, what runs, how fast and how reliably. */
import { duration, number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { stepName } from "../parts/state.js";
import { Line } from "./history.js";

const COLUMNS = ["step", "ready", "running", "retrying", "parked", "oldest", "rate", "course", "errors", "duration"];

/** @param {{steps: Record<string, any>, course: import("./history.js").Course}} props */
export function StepsTable({ steps, course }) {
  return html`<section class="panel">
    <h2>${t("operations.steps")}</h2>
    <div class="scroll-x" tabindex="0" role="region" aria-label=${t("operations.steps")}>
      <table class="plain figures">
        <thead><tr>${COLUMNS.map((name) => html`<th key=${name} scope="col">${t(`operations.${name}`)}</th>`)}</tr></thead>
        <tbody>
          ${Object.entries(steps).map(([name, step]) => html`<${Step} key=${name} name=${name} step=${step} values=${course.of(name)} />`)}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** @param {{name: string, step: any, values: number[]}} props */
function Step({ name, step, values }) {
  const rate = t("operations.a_minute", { rate: number(step.done_a_minute, { maximumFractionDigits: 1 }) });
  return html`<tr>
    <th scope="row">${stepName(name)}</th>
    <td>${number(step.ready + step.queued)}</td>
    <td>${number(step.running)}${step.concurrency ? html`<span class="faint"> / ${number(step.concurrency)}</span>` : ""}</td>
    <td>${number(step.retrying)}</td>
    <td class=${step.parked ? "warn" : ""}>${number(step.parked)}</td>
    <td>${step.oldest_s === null ? "" : duration(step.oldest_s)}</td>
    <td>${rate}</td>
    <td><${Line} values=${values} label=${t("operations.course_of", { step: stepName(name) })} /></td>
    <td class=${step.error_rate > 0.05 ? "bad" : ""}>${step.error_rate === null ? "" : number(step.error_rate, { style: "percent", maximumFractionDigits: 1 })}</td>
    <td>${step.duration_s ? `${duration(step.duration_s.p50)} / ${duration(step.duration_s.p95)}` : ""}</td>
  </tr>`;
}

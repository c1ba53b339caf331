// @ts-check
/** Services and their breakers, budgets, lanes, workers and the quota. */
import { duration, number, size, time } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { stepName } from "../parts/state.js";
import { named, reasonText } from "../said.js";

/** @param {{operations: any}} props */
export function Services({ operations }) {
  const budgets = operations.budgets;
  return html`<section class="panel">
    <h2>${t("operations.services")}</h2>
    <ul class="facts">
      ${Object.entries(operations.dependencies).map(
        ([name, breaker]) => html`<li key=${name}>
          <b>${named("service", name)}</b>
          <span class=${`breaker ${breaker.state}`}>${named("breaker", breaker.state)}</span>
          ${breaker.reason && html`<span class="faint">${reasonText(breaker.reason)}</span>`}
          ${breaker.next_probe_at && html`<span class="faint">${t("breaker.probe", { at: time(breaker.next_probe_at) })}</span>`}
          ${budgets[name] && html`<${Budget} budget=${budgets[name]} />`}
        </li>`,
      )}
    </ul>
  </section>`;
}

/** @param {{budget: any}} props */
function Budget({ budget }) {
  const share = budget.full_per_s ? Math.round((100 * budget.per_s) / budget.full_per_s) : 100;
  return html`<span class="faint">${t("operations.budget", { rate: number(budget.per_s, { maximumFractionDigits: 2 }), share })}</span>`;
}

/** @param {{lanes: any[]}} props */
export function Lanes({ lanes }) {
  return html`<section class="panel">
    <h2>${t("operations.lanes")}</h2>
    ${lanes.length === 0
      ? html`<p class="faint">${t("operations.no_lanes")}</p>`
      : html`<div class="scroll-x" tabindex="0" role="region" aria-label=${t("operations.lanes")}>
          <table class="plain figures">
            <thead><tr>${["tenant", "step", "files", "cost", "oldest", "weight"].map((name) => html`<th key=${name} scope="col">${t(`operations.${name}`)}</th>`)}</tr></thead>
            <tbody>
              ${lanes.map(
                (lane) => html`<tr key=${lane.tenant_id + lane.step}>
                  <th scope="row" dir="auto">${lane.tenant}</th>
                  <td>${stepName(lane.step)}</td>
                  <td>${number(lane.files)}</td>
                  <td>${duration(lane.cost_s)}</td>
                  <td>${duration(lane.oldest_s)}</td>
                  <td>${number(lane.weight)}</td>
                </tr>`,
              )}
            </tbody>
          </table>
        </div>`}
  </section>`;
}

/** @param {{workers: any[]}} props */
export function Workers({ workers }) {
  if (workers.length === 0) return null;
  return html`<section class="panel">
    <h2>${t("operations.workers")}</h2>
    <ul class="facts">
      ${workers.map(
        (worker) => html`<li key=${worker.worker}>
          <b>${worker.worker}</b> <span class=${`breaker ${worker.state === "live" ? "closed" : "open"}`}>${t(`worker.${worker.state}`)}</span>
          <span class="faint">${worker.host} · ${worker.version} · ${t("worker.slots", { count: total(worker.slots) })}</span>
        </li>`,
      )}
    </ul>
  </section>`;
}

/** @param {Record<string, number>} slots */
const total = (slots) => Object.values(slots).reduce((sum, count) => sum + count, 0);

/** @param {{quota: any}} props */
export function Quota({ quota }) {
  const shown = Object.entries(quota?.allowed ?? {}).filter(([name]) => name in (quota?.used ?? {}));
  if (shown.length === 0) return null;
  const figure = (/** @type {string} */ name, /** @type {any} */ value) => (name.includes("bytes") ? size(value) : number(value));
  return html`<section class="panel">
    <h2>${t("operations.quota")}</h2>
    <ul class="facts">
      ${shown.map(
        ([name, allowed]) => html`<li key=${name}>
          <b>${named("quota", name)}</b> ${figure(name, quota.used[name])} / ${figure(name, allowed)}
        </li>`,
      )}
    </ul>
  </section>`;
}

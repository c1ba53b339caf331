// @ts-check
/** The audit: whether everything that was accepted is accounted for. */
import { useSignal } from "@preact/signals";
import { moment, number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { sayError } from "../parts/toasts.js";
import { named } from "../said.js";
import { api } from "../session.js";

const FIGURES = ["accepted", "terminal", "in_flight", "lost", "doubled"];

export function Audit() {
  const audit = useSignal(/** @type {any} */ (null));
  const isBusy = useSignal(false);
  const run = async () => {
    isBusy.value = true;
    await api.get("/operations/audit").then((body) => (audit.value = body), sayError);
    isBusy.value = false;
  };
  const found = audit.value;
  return html`<section class="panel">
    <h2>${t("audit.title")}</h2>
    <p><button type="button" disabled=${isBusy.value} onClick=${run}>${t("audit.run")}</button></p>
    ${found &&
    html`<p role="status" class=${found.balanced === false ? "problem" : ""}>
        ${t(found.balanced === null ? "audit.unknown" : found.balanced ? "audit.balanced" : "audit.unbalanced")}
      </p>
      <ul class="facts">
        ${FIGURES.map((name) => html`<li key=${name}><b>${t(`audit.${name}`)}</b> ${number(found[name])}</li>`)}
        ${Object.entries(found.findings).map(([name, count]) => html`<li key=${name}><b>${named("finding", name)}</b> <span class="bad">${number(/** @type {number} */ (count))}</span></li>`)}
        ${found.stored && html`<li><b>${t("audit.stored")}</b> ${moment(found.stored.as_of)}: ${counted(found.stored.findings) || t("audit.nothing_found")}</li>`}
      </ul>`}
  </section>`;
}

/** @param {Record<string, number>} findings */
const counted = (findings) => Object.entries(findings).map(([name, count]) => `${named("finding", name)}: ${number(count)}`).join(", ");

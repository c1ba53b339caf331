// @ts-check
/** What Fairway is doing: steps, services, lanes, workers, dead letters, tenants and the audit. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { time } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Audit } from "../operations/audit.js";
import { DeadLetters } from "../operations/dead_letters.js";
import { Course } from "../operations/history.js";
import { Lanes, Quota, Services, Workers } from "../operations/panels.js";
import { StepsTable } from "../operations/steps_table.js";
import { Tenants } from "../operations/tenants.js";
import { useRepeated } from "../parts/repeated.js";
import { problemText } from "../sentences.js";
import { api, may } from "../session.js";

const READ_EVERY_MS = 3000;

export function OperationsScreen() {
  const operations = useSignal(/** @type {any} */ (null));
  const problem = useSignal("");
  const course = useMemo(() => new Course(), []);
  useEffect(() => {
    document.title = `${t("operations.title")} · Fairway`;
  }, []);
  const read = async () => {
    try {
      const body = await api.get("/operations");
      for (const [name, step] of Object.entries(body.steps)) course.add(name, step.done_a_minute);
      operations.value = body;
      problem.value = "";
    } catch (error) {
      problem.value = problemText(error);
    }
  };
  useRepeated(read, READ_EVERY_MS);
  const found = operations.value;
  return html`<div class="screen operations">
    <div class="screen-head">
      <h1>${t("operations.title")}</h1>
      ${found && html`<span class="faint">${t(found.tenant_id ? "operations.of_tenant" : "operations.of_all", { at: time(found.as_of) })}</span>`}
    </div>
    ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    ${found
      ? html`<div class="panels">
          <${StepsTable} steps=${found.steps} course=${course} />
          <${Services} operations=${found} />
          <${Lanes} lanes=${found.lanes} />
          <${Workers} workers=${found.workers} />
          <${Quota} quota=${found.quota} />
          <${DeadLetters} />
          ${may("admin") && html`<${Tenants} />`}
          <${Audit} />
        </div>`
      : !problem.value && html`<p class="faint">${t("loading")}</p>`}
  </div>`;
}

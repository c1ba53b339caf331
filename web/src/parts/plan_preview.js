// @ts-check
/** Shows what new columns would change: some files are read again with them, and nothing is stored. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { pause } from "../api.js";
import { duration, fieldValue, number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { named } from "../said.js";
import { problemText } from "../sentences.js";
import { api } from "../session.js";
import { say } from "./toasts.js";

const SAMPLE = 20;
const ASK_EVERY_MS = 700;
const KINDS = /** @type {const} */ (["same", "changed", "appeared", "vanished"]);

/**
 * @param {{dataset: import("../data/dataset.js").Dataset, schema: any, onApplied: () => void}} props
 *   `schema`: the new one; `onApplied`: it is in use, and the files are being extracted again
 */
export function PlanPreview({ dataset, schema, onApplied }) {
  const plan = useSignal(/** @type {any} */ (null));
  const problem = useSignal("");
  const isBusy = useSignal(false);
  const ending = useRef(new AbortController());
  const text = JSON.stringify(schema);
  useEffect(() => () => ending.current.abort(), []);
  // What was compared is that of other columns.
  useEffect(() => void (plan.value = null), [text]);
  /** @param {() => Promise<void>} act */
  const run = (act) => async () => {
    isBusy.value = true;
    problem.value = "";
    await act().catch((error) => (problem.value = problemText(error)));
    isBusy.value = false;
  };
  const compare = run(async () => {
    let found = await api.create(`/datasets/${dataset.id}/plans`, { schema, from: "extraction", sample: SAMPLE });
    while (found.state === "planning" && !ending.current.signal.aborted) {
      plan.value = found;
      await pause(ASK_EVERY_MS, ending.current.signal);
      found = await api.get(`/plans/${found.id}`);
    }
    plan.value = found;
    if (found.state !== "planned") problem.value = t("plan.failed", { state: named("plan.state", found.state) });
  });
  const apply = run(async () => {
    await api.post(`/plans/${plan.value.id}/apply`, {});
    say(t("plan.applied", { count: plan.value.estimate?.files ?? 0 }));
    onApplied();
  });
  const isPlanned = plan.value?.state === "planned";
  return html`<div class="plan">
    <button type="button" disabled=${isBusy.value} onClick=${compare}>${t("plan.try", { count: Math.min(SAMPLE, dataset.info.value.counts.files) })}</button>
    ${isPlanned && html`<button type="button" disabled=${isBusy.value} onClick=${apply}>${t("plan.apply")}</button>`}
    <p class="problem" role="alert">${problem.value}</p>
    <div role="status">
      ${plan.value && !isPlanned && !problem.value && html`<p class="faint">${t("plan.comparing", { count: plan.value.dry_run.files })}</p>`}
      ${isPlanned && html`<${Differences} plan=${plan.value} />`}
    </div>
  </div>`;
}

/** @param {{plan: any}} props */
function Differences({ plan }) {
  const { files, fields } = plan.dry_run;
  const { estimate } = plan;
  if (!files) return html`<p class="faint">${t("plan.none")}</p>`;
  const names = ["column", ...KINDS, "example"];
  return html`<p>${t("plan.compared", { count: files })}</p>
    <div class="scroll-x" tabindex="0" role="region" aria-label=${t("plan.preview")}>
      <table class="plain figures">
        <thead><tr>${names.map((name) => html`<th key=${name} scope="col">${t(`plan.${name}`)}</th>`)}</tr></thead>
        <tbody>
          ${Object.entries(fields).map(
            ([name, field]) => html`<tr key=${name}>
              <th scope="row">${name.replaceAll("_", " ")}</th>
              ${KINDS.map((kind) => html`<td key=${kind} class=${kind !== "same" && field[kind] ? kind : ""}>${number(field[kind])}</td>`)}
              <td dir="auto"><${Example} examples=${field.examples} /></td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${estimate && html`<p class="faint">${t("plan.estimate", { count: estimate.files, duration: duration(Math.max(1, estimate.cost_s)) })}</p>`}`;
}

/** @param {{examples: {before: any, after: any}[]}} props */
function Example({ examples: [first] }) {
  if (!first) return null;
  const [before, after] = [first.before, first.after].map((value) => fieldValue(value) || t("value.none"));
  return html`${before} <span aria-hidden="true">→</span><span class="hidden"> ${t("changes.to")} </span> ${after}`;
}

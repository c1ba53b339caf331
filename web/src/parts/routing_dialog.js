// @ts-check
/** The rules that send files of a kind to other datasets, and what people have taught them. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { chosenBy, decisions, KINDS, others, rulesOf, stateOf, withoutTarget } from "../data/routing.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { catalogue, t } from "../i18n.js";
import { named } from "../said.js";
import { problemText } from "../sentences.js";
import { api, may } from "../session.js";
import { Dialog } from "./dialog.js";
import { say } from "./toasts.js";

/** @typedef {import("../data/routing.js").Routing} Routing */

const TALLY = /** @type {const} */ (["right", "wrong", "undecided"]);

/** @param {{dataset: import("../data/dataset.js").Dataset, onClose: () => void}} props */
export function RoutingDialog({ dataset, onClose }) {
  const routing = useSignal(/** @type {Routing | null} */ (null));
  const datasets = useSignal(/** @type {any[]} */ ([]));
  const chosen = useSignal(/** @type {Record<string, string>} */ ({}));
  const problem = useSignal("");
  const isBusy = useSignal(false);
  useEffect(() => {
    Promise.all([api.get(`/datasets/${dataset.id}/routing`), api.get("/datasets")]).then(
      ([found, all]) => {
        datasets.value = all.datasets;
        chosen.value = chosenBy(found);
        routing.value = found;
      },
      (error) => (problem.value = problemText(error)),
    );
  }, []);
  const found = routing.value;
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    const gone = withoutTarget(/** @type {Routing} */ (found), chosen.value);
    if (gone.length) return (problem.value = t("routing.gone", { kind: named("recognised", gone[0]) }));
    isBusy.value = true;
    try {
      dataset.info.value = await api.call("PUT", `/datasets/${dataset.id}`, { routing: rulesOf(chosen.value) });
      say(t("routing.saved"));
      onClose();
    } catch (error) {
      problem.value = problemText(error);
    }
    isBusy.value = false;
  };
  return html`<${Dialog} title=${t("dataset.routing")} onClose=${onClose} isWide=${true}>
    <p class="faint">${t("routing.hint")}</p>
    ${found === null && !problem.value && html`<p class="faint">${t("loading")}</p>`}
    ${found &&
    html`<form class="form" onSubmit=${submit}>
      <${Rules} datasetId=${dataset.id} routing=${found} datasets=${datasets.value} chosen=${chosen} />
      <${Taught} routing=${found} />
      <p class="problem" role="alert">${problem.value}</p>
      ${may("editor") &&
      html`<div class="form-end">
        <button type="button" onClick=${onClose}>${t("cancel")}</button>
        <button class="primary" disabled=${isBusy.value}>${t("save")}</button>
      </div>`}
    </form>`}
    ${found === null && html`<p class="problem" role="alert">${problem.value}</p>`}
  <//>`;
}

/** One line for each kind: to which dataset its files go. @param {{datasetId: string, routing: Routing, datasets: any[], chosen: import("@preact/signals").Signal<Record<string, string>>}} props */
function Rules({ datasetId, routing, datasets, chosen }) {
  const targets = others(datasets, datasetId, catalogue.value.locale);
  return html`<table class="plain routing">
      <thead><tr>${["kind", "target"].map((name) => html`<th key=${name} scope="col">${t(`routing.${name}`)}</th>`)}</tr></thead>
      <tbody>
        ${KINDS.map((kind) => {
          const target = routing.rules[kind];
          const set = (/** @type {any} */ event) => (chosen.value = { ...chosen.value, [kind]: event.target.value });
          return html`<tr key=${kind}>
            <th scope="row">${named("recognised", kind)}</th>
            <td dir="auto">
              ${may("editor")
                ? html`<select aria-label=${t("routing.target_of", { kind: named("recognised", kind) })} value=${chosen.value[kind]} onChange=${set}>
                    <option value="">${t("routing.stays")}</option>
                    ${target?.name === null && html`<option value=${target.dataset_id}>${t("routing.removed")}</option>`}
                    ${targets.map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`)}
                  </select>`
                : target ? target.name ?? t("routing.removed") : t("routing.stays")}
            </td>
          </tr>`;
        })}
      </tbody>
    </table>
    ${targets.length === 0 && html`<p>${t("routing.alone")}</p>`}`;
}

/** What people have taught, and whether it is used. @param {{routing: Routing}} props */
function Taught({ routing }) {
  const { taught, model } = routing;
  const lessons = Object.entries(taught).map(([kind, count]) => `${named("recognised", kind)} ${number(count)}`);
  const count = decisions(model.rules);
  return html`<section class="taught">
    <h3>${t("routing.taught")}</h3>
    <p>${lessons.length ? t("routing.lessons", { lessons: lessons.join(", ") }) : t("routing.no_lessons")}</p>
    <p>${t(`routing.model.${stateOf(routing)}`)}</p>
    ${count > 0 &&
    html`<table class="plain figures">
      <caption>${t("routing.compared", { count })}</caption>
      <thead><tr><th scope="col">${t("routing.decided")}</th>${TALLY.map((name) => html`<th key=${name} scope="col">${t(`routing.${name}`)}</th>`)}</tr></thead>
      <tbody>
        ${/** @type {const} */ (["rules", "learnt"]).map(
          (by) => html`<tr key=${by}><th scope="row">${t(`routing.by.${by}`)}</th>${TALLY.map((name) => html`<td key=${name}>${number(model[by][name])}</td>`)}</tr>`,
        )}
      </tbody>
    </table>`}
  </section>`;
}

// @ts-check
/** Edits the columns of a dataset, and says beforehand what would change. */
import { useSignal } from "@preact/signals";
import { difference, emptyRow, KINDS, OTHER, rowsOf, schemaOf } from "../data/schema_form.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { problemText } from "../sentences.js";
import { api, may } from "../session.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";
import { PlanPreview } from "./plan_preview.js";
import { say } from "./toasts.js";

/** @typedef {import("../data/schema_form.js").FormRow} FormRow */

/** @param {{dataset: import("../data/dataset.js").Dataset, onClose: () => void}} props */
export function SchemaDialog({ dataset, onClose }) {
  const { schema } = dataset.info.value;
  const rows = useSignal(rowsOf(schema));
  const problems = useSignal(/** @type {string[]} */ ([]));
  const next = schemaOf(schema, rows.value);
  const changes = difference(schema, next);
  const isSame = changes.added.length + changes.removed.length + changes.changed.length === 0;
  const set = (/** @type {number} */ index, /** @type {Partial<FormRow>} */ change) =>
    (rows.value = rows.value.map((row, at) => (at === index ? { ...row, ...change } : row)));
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    try {
      dataset.info.value = await api.call("PUT", `/datasets/${dataset.id}/schema`, { schema: next });
      say(t("schema.saved", { version: dataset.info.value.schema_version }));
      onClose();
    } catch (error) {
      const found = /** @type {any} */ (error);
      problems.value = [problemText(error), ...(found.errors ?? []).map((/** @type {any} */ one) => `${one.pointer}: ${one.detail}`)];
    }
  };
  return html`<${Dialog} title=${t("dataset.schema")} onClose=${onClose} isWide=${true}>
    <form class="form" onSubmit=${submit}>
      <div class="scroll-x" tabindex="0" role="region" aria-label=${t("dataset.schema")}>
        <table class="plain schema">
          <thead><tr>${["name", "kind", "labels", "required", "remove"].map((name) => html`<th key=${name} scope="col">${t(`schema.${name}`)}</th>`)}</tr></thead>
          <tbody>${rows.value.map((row, index) => html`<${Line} key=${index} row=${row} number=${index + 1} onChange=${(/** @type {Partial<FormRow>} */ change) => set(index, change)} onRemove=${() => (rows.value = rows.value.filter((_, at) => at !== index))} />`)}</tbody>
        </table>
      </div>
      <p><button type="button" onClick=${() => (rows.value = [...rows.value, emptyRow()])}><${Icon} name="plus" />${t("schema.add")}</button></p>
      <${Changes} changes=${changes} />
      ${!isSame && may("operator") && dataset.info.value.counts.files > 0 && html`<${PlanPreview} dataset=${dataset} schema=${next} onApplied=${onClose} />`}
      ${problems.value.map((problem) => html`<p key=${problem} class="problem" role="alert">${problem}</p>`)}
      <div class="form-end">
        <button type="button" onClick=${onClose}>${t("cancel")}</button>
        <button class="primary" disabled=${isSame}>${t("save")}</button>
      </div>
    </form>
  <//>`;
}

/** @param {{row: FormRow, number: number, onChange: (change: Partial<FormRow>) => void, onRemove: () => void}} props */
function Line({ row, number, onChange, onRemove }) {
  const value = (/** @type {any} */ event) => event.target.value;
  const label = (/** @type {string} */ name) => t("schema.cell", { what: t(`schema.${name}`), number });
  const kinds = row.kind === OTHER ? [OTHER, ...Object.keys(KINDS)] : Object.keys(KINDS);
  return html`<tr>
    <td><input aria-label=${label("name")} value=${row.name} required maxlength="100" onInput=${(/** @type {any} */ event) => onChange({ name: value(event) })} /></td>
    <td>
      <select aria-label=${label("kind")} value=${row.kind} onChange=${(/** @type {any} */ event) => onChange({ kind: value(event) })}>
        ${kinds.map((kind) => html`<option key=${kind} value=${kind}>${t(`kind.${kind}`)}</option>`)}
      </select>
    </td>
    <td><input aria-label=${label("labels")} value=${row.labels} placeholder=${t("schema.labels_hint")} onInput=${(/** @type {any} */ event) => onChange({ labels: value(event) })} /></td>
    <td><input type="checkbox" aria-label=${label("required")} checked=${row.isRequired} onChange=${(/** @type {any} */ event) => onChange({ isRequired: event.target.checked })} /></td>
    <td><button type="button" class="quiet" aria-label=${label("remove")} onClick=${onRemove}><${Icon} name="trash" /></button></td>
  </tr>`;
}

/** @param {{changes: {added: string[], removed: string[], changed: string[]}}} props */
function Changes({ changes }) {
  const lines = Object.entries(changes).filter(([, names]) => names.length);
  return html`<div role="status" class="faint">
    ${lines.length > 0 && html`<p>${t("schema.effect")}</p>`}
    ${lines.map(([kind, names]) => html`<p key=${kind}>${t(`schema.${kind}`, { names: names.join(", ") })}</p>`)}
  </div>`;
}

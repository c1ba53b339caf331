// @ts-check
/** Tenants, their weights and keys; for admins. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { moment, number } from "../format.js";
import { html } from "../html.js";
import { catalogue, t } from "../i18n.js";
import { Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { sayError } from "../parts/toasts.js";
import { api, ROLES } from "../session.js";
import { readInput } from "../data/input.js";

const WEIGHT = { name: "weight", title: "", type: "number", format: null, isRequired: true, labels: [], schema: {}, items: null };

export function Tenants() {
  const tenants = useSignal(/** @type {any[]} */ ([]));
  const opened = useSignal(/** @type {any} */ (null));
  const newKey = useSignal("");
  const read = () => api.get("/operations/tenants").then((body) => (tenants.value = body.tenants), sayError);
  useEffect(() => void read(), []);
  const create = async (/** @type {any} */ event) => {
    event.preventDefault();
    const form = event.target;
    try {
      const made = await api.create("/operations/tenants", { name: form.elements.tenant.value.trim() });
      form.reset();
      newKey.value = made.api_key;
    } catch (error) {
      sayError(error);
    }
    void read();
  };
  return html`<section class="panel">
    <h2>${t("tenants.title")}</h2>
    <div class="scroll-x" tabindex="0" role="region" aria-label=${t("tenants.title")}>
      <table class="plain">
        <thead><tr>${["name", "weight", "created", "keys"].map((name) => html`<th key=${name} scope="col">${t(`tenants.${name}`)}</th>`)}</tr></thead>
        <tbody>
          ${tenants.value.map(
            (tenant) => html`<tr key=${tenant.id}>
              <th scope="row" dir="auto">${tenant.name}</th>
              <td><${Weight} tenant=${tenant} onChange=${read} /></td>
              <td>${moment(tenant.created_at)}</td>
              <td><button type="button" class="small" onClick=${() => (opened.value = tenant)}>${t("tenants.show_keys")}</button></td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <form class="inline-form" onSubmit=${create}>
      <label for="tenant">${t("tenants.new")}</label>
      <input id="tenant" name="tenant" required maxlength="200" autocomplete="off" />
      <button><${Icon} name="plus" />${t("datasets.make")}</button>
    </form>
    ${opened.value && html`<${Keys} tenant=${opened.value} onKey=${(/** @type {string} */ key) => (newKey.value = key)} onClose=${() => (opened.value = null)} />`}
    ${newKey.value && html`<${NewKey} text=${newKey.value} onClose=${() => (newKey.value = "")} />`}
  </section>`;
}

/** @param {{tenant: any, onChange: () => void}} props */
function Weight({ tenant, onChange }) {
  const save = async (/** @type {any} */ event) => {
    const weight = readInput(event.target.value, WEIGHT, catalogue.value.locale);
    if (weight === tenant.weight || typeof weight !== "number") return (event.target.value = number(tenant.weight));
    await api.call("PUT", `/operations/tenants/${tenant.id}`, { weight }).catch(sayError);
    onChange();
  };
  return html`<input class="short" inputmode="decimal" aria-label=${t("tenants.weight_of", { name: tenant.name })} defaultValue=${number(tenant.weight)} onChange=${save} />`;
}

/** @param {{tenant: any, onKey: (key: string) => void, onClose: () => void}} props */
function Keys({ tenant, onKey, onClose }) {
  const keys = useSignal(/** @type {any[]} */ ([]));
  const path = `/operations/tenants/${tenant.id}/keys`;
  const read = () => api.get(path).then((body) => (keys.value = body.keys), sayError);
  useEffect(() => void read(), []);
  const create = async (/** @type {any} */ event) => {
    event.preventDefault();
    await api.create(path, { role: event.target.elements.role.value }).then((made) => onKey(made.api_key), sayError);
    void read();
  };
  const revoke = async (/** @type {string} */ id) => {
    await api.call("DELETE", `/operations/keys/${id}`).catch(sayError);
    void read();
  };
  return html`<${Dialog} title=${t("tenants.keys_of", { name: tenant.name })} onClose=${onClose} isWide=${true}>
    <table class="plain">
      <thead><tr>${["role", "created", "state"].map((name) => html`<th key=${name} scope="col">${t(`tenants.${name}`)}</th>`)}</tr></thead>
      <tbody>
        ${keys.value.map(
          (key) => html`<tr key=${key.id}>
            <td>${t(`role.${key.role}`)}</td>
            <td>${moment(key.created_at)}</td>
            <td>${key.revoked_at ? t("tenants.revoked", { at: moment(key.revoked_at) }) : html`<button type="button" class="small" onClick=${() => revoke(key.id)}>${t("tenants.revoke")}</button>`}</td>
          </tr>`,
        )}
      </tbody>
    </table>
    <form class="inline-form" onSubmit=${create}>
      <label for="role">${t("tenants.new_key")}</label>
      <select id="role" name="role">${ROLES.map((role) => html`<option key=${role} value=${role}>${t(`role.${role}`)}</option>`)}</select>
      <button><${Icon} name="plus" />${t("datasets.make")}</button>
    </form>
  <//>`;
}

/** A key that is shown once. @param {{text: string, onClose: () => void}} props */
function NewKey({ text, onClose }) {
  return html`<${Dialog} title=${t("tenants.new_key")} onClose=${onClose}>
    <p>${t("tenants.shown_once")}</p>
    <p><code class="new-key">${text}</code></p>
    <p><button type="button" onClick=${() => navigator.clipboard?.writeText(text)}>${t("tenants.copy")}</button></p>
  <//>`;
}

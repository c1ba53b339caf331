// @ts-check
/** How the files of a dataset are read, and which of their values need a review. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { changesOf, choicesOf, DATE_ORDER, languageName, optionsOf, placesOf, READING, SEVERAL, USUAL_SURE_FROM, withLanguage } from "../data/options.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { catalogue, t } from "../i18n.js";
import { problemText } from "../sentences.js";
import { api, may, me } from "../session.js";
import { Dialog } from "./dialog.js";
import { say } from "./toasts.js";

/** @typedef {import("../data/options.js").Options} Options */
/** @typedef {(change: Partial<Options>) => void} Change */

/** @param {{dataset: import("../data/dataset.js").Dataset, onClose: () => void}} props */
export function OptionsDialog({ dataset, onClose }) {
  return html`<${Dialog} title=${t("dataset.options")} onClose=${onClose} isWide=${may("editor")}>
    <p class="faint">${t("options.hint")}</p>
    ${may("editor") ? html`<${Form} dataset=${dataset} onClose=${onClose} />` : html`<${Shown} options=${optionsOf(dataset.info.value)} />`}
  <//>`;
}

/** @param {{dataset: import("../data/dataset.js").Dataset, onClose: () => void}} props */
function Form({ dataset, onClose }) {
  // What others set meanwhile is not sent back.
  const before = useRef(optionsOf(dataset.info.value)).current;
  const options = useSignal(before);
  const problems = useSignal(/** @type {string[]} */ ([]));
  const isBusy = useSignal(false);
  const changes = changesOf(before, options.value);
  const onChange = (/** @type {Partial<Options>} */ change) => (options.value = { ...options.value, ...change });
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    [problems.value, isBusy.value] = [[], true];
    try {
      dataset.info.value = await api.call("PUT", `/datasets/${dataset.id}`, changes);
      say(t("options.saved"));
      onClose();
    } catch (error) {
      const { errors = [] } = /** @type {any} */ (error);
      problems.value = [problemText(error), ...errors.map((/** @type {any} */ one) => one.detail)];
    }
    isBusy.value = false;
  };
  return html`<form class="form" onSubmit=${submit}>
    <div class="options">
      <${Reading} chosen=${options.value.reading} onChange=${onChange} />
      <${Languages} languages=${options.value.languages} onChange=${onChange} />
      <div class="form">
        <${Choice} name="date_order" among=${DATE_ORDER} chosen=${options.value.date_order} onChange=${onChange} />
        <${Choice} name="several" among=${SEVERAL} chosen=${options.value.several} onChange=${onChange} />
      </div>
      <${SureFrom} percent=${before.sure_from} onChange=${onChange} />
    </div>
    ${problems.value.map((problem) => html`<p key=${problem} class="problem" role="alert">${problem}</p>`)}
    <div class="form-end">
      <button type="button" onClick=${onClose}>${t("cancel")}</button>
      <button class="primary" disabled=${isBusy.value || Object.keys(changes).length === 0}>${t("save")}</button>
    </div>
  </form>`;
}

/** @param {{chosen: string, onChange: Change}} props */
const Reading = ({ chosen, onChange }) => html`<fieldset>
  <legend>${t("options.reading")}</legend>
  ${READING.map(
    (level) => html`<label key=${level} class="check choice">
      <input type="radio" name="reading" checked=${level === chosen} onChange=${() => onChange({ reading: level })} />
      <span>${t(`options.reading.${level}`)}<br /><span class="faint">${t(`options.reading_means.${level}`)}</span></span>
    </label>`,
  )}
</fieldset>`;

/** The languages, the main one first, with a place for one more. @param {{languages: string[], onChange: Change}} props */
function Languages({ languages, onChange }) {
  const { locale } = catalogue.value;
  return html`<fieldset class="form">
    <legend>${t("options.languages")}</legend>
    ${placesOf(languages).map((language, place) => {
      const set = (/** @type {any} */ event) => onChange({ languages: withLanguage(languages, place, event.target.value) });
      return html`<select key=${place} aria-label=${place ? t("options.language", { number: place + 1 }) : t("options.main_language")} value=${language} onChange=${set}>
        ${place > 0 && html`<option value="">${t(language ? "options.no_language" : "options.one_more")}</option>`}
        ${choicesOf(me.value.reads.languages, languages, place, locale).map(({ code, name }) => html`<option key=${code} value=${code}>${name}</option>`)}
      </select>`;
    })}
    <p class="faint">${t("options.languages_hint")}</p>
  </fieldset>`;
}

/** @param {{name: string, among: string[], chosen: string, onChange: Change}} props */
const Choice = ({ name, among, chosen, onChange }) => html`<label for=${name}>${t(`options.${name}`)}</label>
  <select id=${name} value=${chosen} onChange=${(/** @type {any} */ event) => onChange({ [name]: event.target.value })}>
    ${among.map((each) => html`<option key=${each} value=${each}>${t(`options.${name}.${each}`)}</option>`)}
  </select>`;

/** @param {{percent: number, onChange: Change}} props */
const SureFrom = ({ percent, onChange }) => html`<div class="form">
  <label for="sure-from">${t("options.sure_from")}</label>
  <span class="percent">
    <input id="sure-from" class="short" type="number" min="0" max="100" step="any" required aria-describedby="sure-from-hint" defaultValue=${percent} onInput=${(/** @type {any} */ event) => onChange({ sure_from: event.target.valueAsNumber })} />
    <span aria-hidden="true">%</span>
  </span>
  <p class="faint" id="sure-from-hint">${t("options.sure_from_hint", { usual: USUAL_SURE_FROM })}</p>
</div>`;

/** The options for those who may not change them. @param {{options: Options}} props */
function Shown({ options: { reading, languages, date_order: dateOrder, several, sure_from: sureFrom } }) {
  const percent = number(sureFrom / 100, { style: "percent", maximumFractionDigits: 2 });
  const shown = {
    reading: t(`options.reading.${reading}`),
    languages: languages.map((code) => languageName(code, catalogue.value.locale)).join(", "),
    date_order: t(`options.date_order.${dateOrder}`),
    several: t(`options.several.${several}`),
    review: sureFrom ? t("options.below", { percent }) : t("options.never"),
  };
  return html`<table class="plain">
    <tbody>${Object.entries(shown).map(([name, value]) => html`<tr key=${name}><th scope="row">${t(`options.${name}`)}</th><td>${value}</td></tr>`)}</tbody>
  </table>`;
}

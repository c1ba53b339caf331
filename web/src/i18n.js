// @ts-check
/** Texts of the page in the reader's language, from the catalogues. A further language is one more catalogue. */
import { signal } from "@preact/signals";

/** The languages with a catalogue, by the name that speakers use. */
export const LANGUAGES = { en: "English", de: "Deutsch" };
const KEPT_UNDER = "fairway.language";

/**
 * The texts in use. `locale` is the language with the region of the browser, by which numbers and dates are written.
 * @type {import("@preact/signals").Signal<{language: string, locale: string, texts: Record<string, any>}>}
 */
export const catalogue = signal({ language: "en", locale: "en", texts: {} });

/**
 * The language to use: the reader's choice, else the first of the browser's languages that has a catalogue.
 * @param {string | null} chosen
 * @param {readonly string[]} preferred
 */
export function languageFor(chosen, preferred) {
  const known = [chosen, ...preferred].map((name) => (name ?? "").split("-")[0]);
  return known.find((name) => name in LANGUAGES) ?? "en";
}

/** A language with the region that the browser prefers for it. @param {string} language @param {readonly string[]} preferred */
export const localeFor = (language, preferred) => preferred.find((name) => name.split("-")[0] === language) ?? language;

/** @param {string} name */
async function read(name) {
  const response = await fetch(new URL(`../catalogs/${name}.json`, import.meta.url));
  return response.json();
}

/** Read the texts that the first rows of a table do not need. The server divides each catalogue by what modules name. */
export async function readRest() {
  const { language } = catalogue.value;
  const texts = await read(`${language}.later`);
  if (catalogue.value.language === language) catalogue.value = { ...catalogue.value, texts: { ...catalogue.value.texts, ...texts } };
}

export async function start() {
  await use(languageFor(localStorage.getItem(KEPT_UNDER), navigator.languages), false);
}

/**
 * Show the page in this language.
 * @param {string} language
 * @param {boolean} [isKept] whether later visits use it too; false at the start, which reads only the first texts
 */
export async function use(language, isKept = true) {
  const parts = await Promise.all([read(language), ...(isKept ? [read(`${language}.later`)] : [])]);
  catalogue.value = { language, locale: localeFor(language, navigator.languages), texts: Object.assign({}, ...parts) };
  document.documentElement.lang = language;
  if (isKept) localStorage.setItem(KEPT_UNDER, language);
}

/**
 * The text with this name; `{names}` in it are replaced by `values`. A text with plural forms is chosen by `count`.
 * @param {string} name
 * @param {Record<string, any>} [values]
 */
export function t(name, values = {}) {
  const { locale, texts } = catalogue.value;
  return fill(texts[name] ?? name, values, locale);
}

/** Whether the catalogue has a text with this name. @param {string} name */
export const has = (name) => name in catalogue.value.texts;

/** Formatters cost far more to make than to use, and a table uses the same few for thousands of cells. */
const made = new Map();

/** @template T @param {string} kind @param {string} locale @param {any} options @param {(locale: string) => T} make @returns {T} */
export function formatter(kind, locale, options, make) {
  const key = `${kind} ${locale} ${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, make(locale));
  return made.get(key);
}

const NO_OPTIONS = {};
/** @param {string} language */
const plurals = (language) => formatter("plural", language, NO_OPTIONS, (name) => new Intl.PluralRules(name));
/** @param {string} language */
const numbers = (language) => formatter("number", language, NO_OPTIONS, (name) => new Intl.NumberFormat(name));

/**
 * @param {string | Record<string, string>} text
 * @param {Record<string, any>} values
 * @param {string} language
 */
export function fill(text, values, language) {
  const form =
    typeof text === "string" ? text : text[plurals(language).select(Number(values.count))] ?? text.other;
  return form.replace(/\{(\w+)\}/g, (whole, key) => {
    const value = values[key];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers(language).format(value) : String(value);
  });
}

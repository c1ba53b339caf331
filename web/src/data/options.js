// @ts-check
/** How the files of a dataset are read and which values need a review: the settings as a form has them, and what is sent. */
import { formatter } from "../i18n.js";

export const READING = ["fast", "balanced", "accurate"];
export const DATE_ORDER = ["auto", "day_first", "month_first"];
export const SEVERAL = ["records", "first", "fail"];
export const MOST_LANGUAGES = 5;
/** The value of `sure_from` that the API gives a new dataset. */
export const USUAL_SURE_FROM = 80;

/** @typedef {{reading: string, languages: string[], date_order: string, several: string, sure_from: number}} Options */

/** Files of Tesseract that recognise no language. */
const NO_LANGUAGES = ["equ", "osd"];
/** Codes of Tesseract that are no codes of a standard. @type {Record<string, string>} */
const STANDARD = { chi_sim: "zh-Hans", chi_tra: "zh-Hant", frk: "de-Latf" };

const NAMED = /** @type {const} */ ({ type: "language", fallback: "none" });

/** @param {any} dataset as the API shows it @returns {Options} */
export const optionsOf = ({ reading, languages, date_order, several, sure_from }) => ({ reading, languages, date_order, several, sure_from });

/** What a request sends: the options that differ, without places for languages that are empty. @param {Options} before @param {Options} after @returns {Partial<Options>} */
export function changesOf(before, after) {
  const sent = { ...after, languages: after.languages.filter(Boolean), sure_from: Math.round(100 * after.sure_from) / 100 };
  return Object.fromEntries(Object.entries(sent).filter(([name, value]) => String(value) !== String(/** @type {any} */ (before)[name])));
}

/** The places for languages that a form shows: one more than are filled, up to the most. @param {string[]} languages */
export const placesOf = (languages) =>
  languages.at(-1) && languages.length < MOST_LANGUAGES ? [...languages, ""] : languages;

/** The languages with another one in a place. If it has a place already, the two are exchanged. @param {string[]} languages @param {number} place @param {string} language */
export function withLanguage(languages, place, language) {
  const next = languages.map((each) => (language && each === language ? (languages[place] ?? "") : each));
  next[place] = language;
  return next;
}

/**
 * The languages to choose from in a place, by name. An empty place does not offer those of other places.
 * @param {readonly string[]} known @param {string[]} languages @param {number} place @param {string} locale
 */
export function choicesOf(known, languages, place, locale) {
  const all = [...new Set([...known, ...languages])].filter((code) => code && !NO_LANGUAGES.includes(code));
  const offered = languages[place] ? all : all.filter((code) => !languages.includes(code));
  return offered.map((code) => ({ code, name: languageName(code, locale) })).sort((a, b) => a.name.localeCompare(b.name, locale));
}

/** The name of a language, with its code where the name says less than the code. @param {string} code as Tesseract has it @param {string} locale */
export function languageName(code, locale) {
  const names = formatter("language", locale, NAMED, (name) => new Intl.DisplayNames([name, "en"], NAMED));
  for (let known = code; known; known = known.slice(0, Math.max(0, known.lastIndexOf("_")))) {
    const name = nameIn(names, STANDARD[known] ?? known.replaceAll("_", "-"));
    if (name) return known === code ? name : `${name} (${code})`;
  }
  return code;
}

/** @param {Intl.DisplayNames} names @param {string} tag */
function nameIn(names, tag) {
  try {
    return names.of(tag);
  } catch {
    return undefined; // not even the form of a language tag
  }
}

// @ts-check
/**
 * Sentences of the API that have no code: reasons of steps, notes on how a file was read, and refusals of files. A catalogue
 * names each by the English sentence, with names of values in braces.
 */
import { catalogue, has, t } from "./i18n.js";

const isEnglish = () => catalogue.value.language === "en";

/** Why a step was skipped or goes on later, or what it did. @param {string} reason */
export function reasonText(reason) {
  const failed = /^(\w+) failed$/.exec(reason);
  if (failed && !isEnglish()) return t("reason.step_failed", { step: has(`step.${failed[1]}`) ? t(`step.${failed[1]}`) : failed[1] });
  return parted(reason).map((one) => said("reason.", one)).join("; ");
}

/** A sentence about how a file was read. That of an attached file begins with its name. @param {string} note */
export function noteText(note) {
  const at = note.indexOf(": ");
  if (isEnglish() || at < 0 || knows("note.", note)) return said("note.", note);
  return `${note.slice(0, at)}: ${said("note.", note.slice(at + 2))}`;
}

/** The catalogue's words for a name of the API. @param {string} kind of name, with which those of the catalogue begin @param {string} name */
export const named = (kind, name) => (has(`${kind}.${name}`) ? t(`${kind}.${name}`) : name.replaceAll("_", " "));

/** The parts of a sentence that is made of several. @param {string} text */
const parted = (text) => (isEnglish() || knows("reason.", text) ? [text] : text.split("; "));

/** By catalogue and beginning of the names: expressions that find a sentence and the values in it. @type {WeakMap<object, Map<string, {name: string, found: RegExp}[]>>} */
const patterns = new WeakMap();
const VALUE = /\{(\w+)\}/;

/** The sentences of the catalogue whose names begin so, those with most words of their own first. @param {string} beginning */
function patternsOf(beginning) {
  const { texts } = catalogue.value;
  const known = patterns.get(texts) ?? new Map();
  patterns.set(texts, known);
  if (!known.has(beginning)) {
    const names = Object.keys(texts).filter((name) => name.startsWith(beginning) && VALUE.test(name));
    const words = (/** @type {string} */ name) => name.replaceAll(/\{\w+\}/g, "").length;
    names.sort((one, other) => words(other) - words(one));
    known.set(beginning, names.map((name) => ({ name, found: expressionOf(name.slice(beginning.length)) })));
  }
  return /** @type {{name: string, found: RegExp}[]} */ (known.get(beginning));
}

/** @param {string} sentence with names of values in braces; a `count` is a number */
function expressionOf(sentence) {
  const parts = sentence.split(VALUE).map((part, index) => {
    if (index % 2 === 0) return part.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&");
    return `(?<${part}>${part === "count" ? "\\d+" : ".+?"})`;
  });
  return new RegExp(`^${parts.join("")}$`, "s");
}

/** @param {string} beginning @param {string} sentence */
const knows = (beginning, sentence) => has(beginning + sentence) || patternsOf(beginning).some(({ found }) => found.test(sentence));

/**
 * A sentence of the API in the reader's language. The catalogue names it by the English one, with names of values in braces.
 * @param {string} beginning of the names in the catalogue @param {string} sentence @returns {string}
 */
export function said(beginning, sentence) {
  if (has(beginning + sentence)) return t(beginning + sentence);
  if (isEnglish()) return sentence;
  for (const { name, found } of patternsOf(beginning)) {
    const values = found.exec(sentence)?.groups;
    if (!values) continue;
    const { count, reason, service, kinds } = values;
    const words = { ...(reason ? { reason: said("reason.", reason) } : {}), ...(service ? { service: said("reason.", service) } : {}),
      ...(kinds ? { kinds: kinds.split(", ").map((kind) => named("recognised", kind)).join(", ") } : {}) };
    return t(name, { ...values, ...(count ? { count: Number(count) } : {}), ...words });
  }
  return sentence;
}

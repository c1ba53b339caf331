// @ts-check
/** What a person asks for the files of an upload: labels, the separation of scans, and copies of what is there already. */

/** @typedef {{separators?: string[], first_pages?: string[], blank_pages?: "keep" | "drop" | "separate"}} Separation */
/** @typedef {{allowsDuplicates?: boolean, labels?: string[], separation?: Separation | null}} Asked */

/** The text of the barcode on common separator sheets. */
export const PATCH_T = "PATCHT";
const MOST_LABELS = 20;
const LONGEST_LABEL = 100;
const MOST_TEXTS = 20;

/** The members of a new batch. @param {Asked} asked */
export function ofBatch({ allowsDuplicates = false, labels = [], separation = null }) {
  return {
    ...(allowsDuplicates ? { allow_duplicates: true } : {}),
    ...(labels.length > 0 ? { labels } : {}),
    ...(separation ? { separation } : {}),
  };
}

/** Whether nothing is asked of the batch. @param {Asked} asked */
export const isPlain = (asked) => Object.keys(ofBatch(asked)).length === 0;

/** Texts that were typed with commas between them, each once. @param {string} text */
export const textsOf = (text) => [...new Set(text.split(",").map((one) => one.trim()).filter(Boolean))];

/**
 * What a form asks, or the name of what is wrong with it in the catalogue.
 * @param {{labels: string, splits: boolean, separators: string, firstPages: string, blankPages: string}} form
 * @returns {Asked | string}
 */
export function askedBy({ labels, splits, separators, firstPages, blankPages }) {
  const named = textsOf(labels);
  if (named.length > MOST_LABELS || named.some((label) => label.length > LONGEST_LABEL)) return "asked.wrong_labels";
  const [sheets, stickers] = [textsOf(separators), textsOf(firstPages)];
  if (splits && (sheets.length > MOST_TEXTS || stickers.length > MOST_TEXTS)) return "asked.too_many_texts";
  if (splits && sheets.length + stickers.length === 0 && blankPages !== "separate") return "asked.no_separator";
  const separation = { separators: sheets, first_pages: stickers, blank_pages: /** @type {any} */ (blankPages) };
  if (!splits && named.length === 0) return {};
  return { ...(named.length ? { labels: named } : {}), ...(splits ? { separation } : {}) };
}

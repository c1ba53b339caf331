// @ts-check
/** How a value of a record is written into an input, and read from it again. */

/** @typedef {import("./columns.js").Column} Column */
/** @typedef {"text" | "long" | "number" | "date" | "choice" | "none"} Kind */

const LONG_TEXT = 70;

/** The kind of input for a column; `none` for values that cannot be edited in one input. @param {Column} column @param {any} value @returns {Kind} */
export function kindOf({ type, format, schema }, value) {
  if (Array.isArray(schema.enum) || type === "boolean") return "choice";
  if (type === "number" || type === "integer") return "number";
  if (type !== "string") return "none";
  if (format === "date" && (value == null || /^\d{4}-\d{2}-\d{2}$/.test(value))) return "date";
  return typeof value === "string" && (value.length > LONG_TEXT || value.includes("\n")) ? "long" : "text";
}

/** The choices of a column with few values, as written and as they are. @param {Column} column @returns {any[]} */
export const choicesOf = ({ schema }) => (Array.isArray(schema.enum) ? schema.enum.filter((/** @type {any} */ one) => one !== null) : [true, false]);

/**
 * The text of a value in its input. Numbers have the decimal sign of the language and no thousands separators, and amounts as many
 * decimals as in the table.
 * @param {any} value @param {Column} column @param {string} language
 */
export function written(value, { type, hasFractions }, language) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  const hasDecimals = type === "number" && (hasFractions || !Number.isInteger(value));
  return new Intl.NumberFormat(language, { useGrouping: false, minimumFractionDigits: hasDecimals ? 2 : 0, maximumFractionDigits: 20 }).format(value);
}

/**
 * The value of a text in an input, or undefined if the text is none. An empty text is null: the document has no such value.
 * @param {string} text @param {Column} column @param {string} language
 */
export function readInput(text, column, language) {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (column.type === "boolean") return trimmed === "true";
  if (column.type === "number" || column.type === "integer") return numberOf(trimmed, language, column.type === "integer");
  return trimmed;
}

/** @param {string} text @param {string} language @param {boolean} isWhole */
export function numberOf(text, language, isWhole) {
  const parts = new Intl.NumberFormat(language).formatToParts(12345.6);
  const sign = (/** @type {string} */ type) => parts.find((part) => part.type === type)?.value ?? "";
  const [decimal, group] = [sign("decimal"), sign("group")];
  let plain = text.replace(/[\s\u00a0\u202f']/g, "");
  // A group sign counts as one only before three digits, so that 9.50 typed in German is refused, not read as 950.
  const grouped = new RegExp(`^[-+]?\\d{1,3}(\\${group || ","}\\d{3})+(\\${decimal}\\d+)?$`);
  if (group.trim() && grouped.test(plain)) plain = plain.replaceAll(group, "");
  if (decimal !== "." && plain.includes(".")) return undefined;
  plain = plain.replace(decimal, ".");
  if (!/^[-+]?(\d+\.?\d*|\.\d+)$/.test(plain)) return undefined;
  const value = Number(plain);
  return isWhole && !Number.isInteger(value) ? undefined : value;
}

// @ts-check
/** Numbers, dates, sizes and durations as the reader's language writes them. */
import { catalogue, formatter, t } from "./i18n.js";

const locale = () => catalogue.value.locale;

/** @param {Intl.DateTimeFormatOptions} options */
const dates = (options) => formatter("date", locale(), options, (name) => new Intl.DateTimeFormat(name, options));

/** @param {number} value */
export const number = (value, options = {}) =>
  formatter("number", locale(), options, (name) => new Intl.NumberFormat(name, options)).format(value);

/** @param {number} bytes */
export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return number(value, { style: "unit", unit: units[unit], unitDisplay: unit === 0 ? "long" : "short", maximumFractionDigits: digits });
}

/** A moment as date and time. @param {string | null | undefined} iso */
export function moment(iso) {
  if (!iso) return "";
  return dates({ dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** A moment as time of day with seconds. @param {string | null | undefined} iso */
export function time(iso) {
  return iso ? dates({ timeStyle: "medium" }).format(new Date(iso)) : "";
}

/** A day without a time zone, as records have it. @param {string} iso */
export function day(iso) {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(iso);
  if (!parts) return iso;
  const date = new Date(Date.UTC(+parts[1], +parts[2] - 1, +parts[3]));
  if (date.getUTCMonth() !== +parts[2] - 1) return iso;
  return dates({ dateStyle: "medium", timeZone: "UTC" }).format(date);
}

/** A duration in the largest fitting unit. @param {number} seconds */
export function duration(seconds) {
  const [value, unit] =
    seconds < 10
      ? [Math.round(seconds * 10) / 10, "second"]
      : seconds < 90
        ? [Math.round(seconds), "second"]
        : seconds < 5400
          ? [Math.round(seconds / 60), "minute"]
          : seconds < 172800
            ? [Math.round(seconds / 3600), "hour"]
            : [Math.round(seconds / 86400), "day"];
  return number(value, { style: "unit", unit, unitDisplay: "short" });
}

/** A forecast `[low, high]` in seconds. @param {[number, number] | null | undefined} range */
export function forecast(range) {
  if (!range) return "";
  const [low, high] = [duration(range[0]), duration(range[1])];
  return low === high ? low : t("range", { low, high });
}

/**
 * A value of a record. Objects and lists become short text.
 * @param {any} value
 * @param {{type?: string | string[], format?: string}} [schema]
 * @param {boolean} [hasFractions] whether another number of the same column has a fraction
 * @returns {string}
 */
export function fieldValue(value, schema = {}, hasFractions = false) {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (typeof value === "number") return number(value, digitsOf(value, schema, hasFractions));
  if (typeof value === "string") return schema.format === "date" ? day(value) : value;
  if (Array.isArray(value)) {
    if (value.every((item) => item === null || typeof item !== "object")) return value.map((v) => fieldValue(v)).join(", ");
    return t("items", { count: value.length });
  }
  return Object.values(value).map((v) => fieldValue(v)).filter(Boolean).join(", ");
}

/**
 * How a number is written: a fraction has at least two digits, as amounts have, and so have whole numbers among fractions.
 * Integers may be numbers of documents or years, which have no thousands separators.
 * @param {number} value @param {{type?: string | string[]}} schema @param {boolean} hasFractions
 */
function digitsOf(value, schema, hasFractions) {
  const isAmount = [schema.type].flat().includes("number");
  const hasDecimals = isAmount && (hasFractions || !Number.isInteger(value));
  return { minimumFractionDigits: hasDecimals ? 2 : 0, maximumFractionDigits: 10, useGrouping: isAmount };
}

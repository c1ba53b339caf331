// @ts-check
/** Turns words that a person selected on a page into a value, if they can be read in one way only. */
import { numberOf } from "./input.js";

/** How many digits separate day, month and year; 3/4/2024 can be read in two ways and is left to the person. */
const DATE = /^(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})$/;

/**
 * The value, or undefined if the words are none or can be read in several ways.
 * @param {string} text @param {import("./columns.js").Column} column
 */
export function valueOf(text, column) {
  const trimmed = text.trim();
  if (column.type === "number" || column.type === "integer") return amountOf(trimmed, column.type === "integer");
  if (column.format === "date") return dateOf(trimmed);
  if (Array.isArray(column.schema.enum)) return column.schema.enum.includes(trimmed) ? trimmed : undefined;
  return column.type === "string" && trimmed ? trimmed : undefined;
}

/** @param {string} text @param {boolean} isWhole */
function amountOf(text, isWhole) {
  const plain = text.replace(/[^\d.,'\s\u00a0+-]/g, "").trim();
  const readings = new Set(["en", "de"].map((language) => numberOf(plain, language, isWhole)).filter((value) => value !== undefined));
  return readings.size === 1 ? [...readings][0] : undefined;
}

/** @param {string} text */
function dateOf(text) {
  const found = DATE.exec(text);
  if (!found) return undefined;
  const [first, second, third] = found.slice(1).map(Number);
  if (found[1].length === 4) return day(first, second, third);
  if (found[3].length !== 4) return undefined;
  // With points the day comes first everywhere; otherwise only a number above 12 tells day from month.
  if (text.includes(".") || first > 12 || first === second) return day(third, second, first);
  return second > 12 ? day(third, first, second) : undefined;
}

/** @param {number} year @param {number} month @param {number} date */
function day(year, month, date) {
  const found = new Date(Date.UTC(year, month - 1, date));
  if (found.getUTCMonth() !== month - 1 || found.getUTCDate() !== date) return undefined;
  return found.toISOString().slice(0, 10);
}

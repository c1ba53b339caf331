// @ts-check
/** Conditions on the values of records: which comparisons a column takes, and how a typed value becomes one. */
import { readInput } from "./input.js";
import { KINDS } from "./routing.js";

/** @typedef {import("./columns.js").Column} Column */
/** @typedef {import("./listing.js").Condition} Condition */

/** The fields of conditions on the labels of files, and on what files were recognised as. */
export const LABEL = "@label";
export const KIND = "@kind";

/** The labels of files as a column, so that rows are filtered by them. @param {string} title @returns {Column} */
export const labelColumn = (title) => columnOf(LABEL, title, "label", {});

/** The kinds of files as a column. @param {string} title @returns {Column} */
export const kindColumn = (title) => columnOf(KIND, title, "kind", { enum: KINDS });

/** @param {string} name @param {string} title @param {string} type @param {any} schema @returns {Column} */
const columnOf = (name, title, type, schema) => ({ name, title, type, format: null, isRequired: false, labels: [], schema, items: null });

const WITHOUT_VALUE = ["missing", "doubtful"];
const ORDERED = ["eq", "ne", "lt", "le", "gt", "ge"];

/** The comparisons that a column takes, the most useful first. @param {Column} column @returns {string[]} */
export function operatorsOf({ type, format, schema }) {
  if (type === "label" || type === "kind") return ["eq", "ne"];
  if (type === "boolean") return ["eq", ...WITHOUT_VALUE];
  if (type === "number" || type === "integer" || format === "date") return [...ORDERED, ...WITHOUT_VALUE];
  if (type !== "string") return WITHOUT_VALUE;
  return Array.isArray(schema.enum) ? ["eq", "ne", ...WITHOUT_VALUE] : ["contains", "eq", "ne", ...WITHOUT_VALUE];
}

/** @param {string} op */
export const takesValue = (op) => !WITHOUT_VALUE.includes(op);

/**
 * The condition, or null if the text is no value of the column.
 * @param {Column} column @param {string} op @param {string} text as it was typed @param {string} locale
 * @returns {Condition | null}
 */
export function conditionFrom(column, op, text, locale) {
  if (!takesValue(op)) return { field: column.name, op };
  const value = column.type === "label" || column.type === "kind" ? text.trim() || null : readInput(text, column, locale);
  return value === null || value === undefined ? null : { field: column.name, op, value };
}

/** The conditions with one more; a repeated one is not added. @param {readonly Condition[]} where @param {Condition} condition */
export const withCondition = (where, condition) =>
  where.some((known) => isSame(known, condition)) ? where : [...where, condition];

/** @param {Condition} a @param {Condition} b */
const isSame = (a, b) => a.field === b.field && a.op === b.op && a.value === b.value;

/** Show only rows with this label too. @param {import("./dataset.js").Dataset} dataset @param {string} label */
export const filterByLabel = (dataset, label) =>
  dataset.setFilter({ where: withCondition(dataset.filter.value.where, { field: LABEL, op: "eq", value: label }) });

// @ts-check
/** Lists of a record as rows of a small table, such as the items of a receipt, and back. */

/** @typedef {import("./columns.js").Column} Column */
/** @typedef {Record<string, any>} Item */

/** The name of the only column of a list whose entries are values, not objects. */
const ENTRY = "entry";
const SCALARS = ["string", "number", "integer", "boolean"];

/** The columns of a list, or none if its entries have a shape that no table shows. @param {Column} column @returns {Column[]} */
export function itemColumnsOf(column) {
  if (column.type !== "array" || !column.items) return [];
  if (column.items.type === "object") return column.items.columns.every(({ type }) => SCALARS.includes(type)) ? column.items.columns : [];
  if (!SCALARS.includes(column.items.type)) return [];
  const { type, schema } = column.items;
  return [{ name: ENTRY, title: column.title, type, format: schema.format ?? null, isRequired: true, labels: [], schema, items: null }];
}

/** @param {Column} column */
const hasObjects = (column) => column.items?.type === "object";

/** @param {any} value the list of a record, or nothing @param {Column} column @returns {Item[]} */
export function itemsOf(value, column) {
  const list = Array.isArray(value) ? value : [];
  return hasObjects(column) ? list.map((item) => ({ ...item })) : list.map((entry) => ({ [ENTRY]: entry }));
}

/** The list of a record: without empty items and without absent values. @param {Item[]} items @param {Column} column @returns {any[]} */
export function listOf(items, column) {
  const filled = items.filter((item) => Object.values(item).some(isPresent));
  if (!hasObjects(column)) return filled.map((item) => item[ENTRY]);
  return filled.map((item) => Object.fromEntries(Object.entries(item).filter(([, value]) => isPresent(value))));
}

/** The required columns that an item lacks, of the first item that lacks any. @param {Item[]} items @param {Column[]} columns @returns {string[]} */
export function lacking(items, columns) {
  for (const item of items) {
    if (!Object.values(item).some(isPresent)) continue;
    const absent = columns.filter(({ name, isRequired }) => isRequired && !isPresent(item[name]));
    if (absent.length) return absent.map(({ title }) => title);
  }
  return [];
}

/** @param {any} value */
const isPresent = (value) => value !== null && value !== undefined;

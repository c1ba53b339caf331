// @ts-check
/** The selected rows and the active row of a table, as a value: each function returns the next one. */

/**
 * @typedef {{active: string | null, anchor: string | null, chosen: ReadonlySet<string>, isAll: boolean}} Selection
 *   `isAll`: all rows of the filter are chosen, those that were not read included; then `chosen` is empty
 */

/** @type {Selection} */
export const NOTHING = { active: null, anchor: null, chosen: new Set(), isAll: false };

/** @param {Selection} selection @param {string} id */
export const isChosen = ({ chosen, isAll }, id) => isAll || chosen.has(id);

/** @param {Selection} selection @param {string} id @returns {Selection} */
export const activate = (selection, id) => ({ ...selection, active: id });

/**
 * Choose a row, or no longer. Of all rows, those that were read stay chosen.
 * @param {Selection} selection @param {string} id @param {readonly string[]} ids all rows that were read
 * @returns {Selection}
 */
export function toggle(selection, id, ids) {
  const chosen = new Set(selection.isAll ? ids : selection.chosen);
  if (!chosen.delete(id)) chosen.add(id);
  return { active: id, anchor: id, chosen, isAll: false };
}

/**
 * Choose all rows from the last toggled one to this one.
 * @param {Selection} selection @param {string} id @param {readonly string[]} ids all rows in order
 * @returns {Selection}
 */
export function extend(selection, id, ids) {
  const anchor = selection.anchor ?? selection.active ?? id;
  const from = ids.indexOf(anchor);
  const to = ids.indexOf(id);
  if (from < 0 || to < 0) return toggle(selection, id, ids);
  const range = ids.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { active: id, anchor, chosen: new Set([...selection.chosen, ...range]), isAll: false };
}

/** Choose all rows of the filter. @param {Selection} selection @returns {Selection} */
export const chooseAll = (selection) => ({ ...selection, chosen: new Set(), isAll: true });

/** @param {Selection} selection @returns {Selection} */
export const clear = (selection) => ({ ...selection, anchor: null, chosen: new Set(), isAll: false });

/** Without rows that are no longer there. @param {Selection} selection @param {(id: string) => boolean} exists @returns {Selection} */
export function prune(selection, exists) {
  if ([...selection.chosen].every(exists)) return selection;
  return { ...selection, chosen: new Set([...selection.chosen].filter(exists)) };
}

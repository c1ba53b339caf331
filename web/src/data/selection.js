// @ts-check
/** The selected rows and the active row of a table, as a value: each function returns the next one. */

/** @typedef {{active: string | null, anchor: string | null, chosen: ReadonlySet<string>}} Selection */

/** @type {Selection} */
export const NOTHING = { active: null, anchor: null, chosen: new Set() };

/** @param {Selection} selection @param {string} id @returns {Selection} */
export const activate = (selection, id) => ({ ...selection, active: id });

/** Choose a row, or no longer. @param {Selection} selection @param {string} id @returns {Selection} */
export function toggle(selection, id) {
  const chosen = new Set(selection.chosen);
  if (!chosen.delete(id)) chosen.add(id);
  return { active: id, anchor: id, chosen };
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
  if (from < 0 || to < 0) return toggle(selection, id);
  const range = ids.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { active: id, anchor, chosen: new Set([...selection.chosen, ...range]) };
}

/** @param {Selection} selection @param {readonly string[]} ids @returns {Selection} */
export const chooseAll = (selection, ids) => ({ ...selection, chosen: new Set(ids) });

/** @param {Selection} selection @returns {Selection} */
export const clear = (selection) => ({ ...selection, anchor: null, chosen: new Set() });

/** Without rows that are no longer there. @param {Selection} selection @param {(id: string) => boolean} exists @returns {Selection} */
export function prune(selection, exists) {
  if ([...selection.chosen].every(exists)) return selection;
  return { ...selection, chosen: new Set([...selection.chosen].filter(exists)) };
}

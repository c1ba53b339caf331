// @ts-check
/** Where a record's values stand on the pages of a file, and in which order a person should look at them. */

/** @typedef {{page: number, box: [number, number, number, number] | null, text: string, path: string}} Proof */
/** @typedef {import("./columns.js").Column} Column */

/**
 * The places that show a field, those of its items included.
 * @param {Record<string, any>} evidence by the path of a value
 * @param {string} name
 * @returns {Proof[]}
 */
export function proofsOf(evidence, name) {
  return Object.entries(evidence ?? {})
    .filter(([path]) => path === name || path.startsWith(`${name}[`) || path.startsWith(`${name}.`) || path.startsWith(`${name}/`))
    .map(([path, proof]) => ({ page: proof.page, box: proof.box ?? null, text: proof.text, path }));
}

/**
 * A field's condition: what a person should check first comes first.
 * @param {Column} column
 * @param {{fields: Record<string, any>, missing: string[], doubtful: string[]}} record
 * @returns {"missing" | "doubtful" | "found" | "empty"}
 */
export function conditionOf({ name, isRequired }, { fields, missing, doubtful }) {
  const value = fields[name];
  if (value === undefined || value === null) return isRequired || missing.includes(name) ? "missing" : "empty";
  const isDoubtful = doubtful.some((path) => path === name || path.startsWith(`${name}[`) || path.startsWith(`${name}.`));
  return isDoubtful ? "doubtful" : "found";
}

const ORDER = { missing: 0, doubtful: 1, found: 2, empty: 3 };

/** @param {Column[]} columns @param {any} record @returns {{column: Column, condition: keyof typeof ORDER}[]} */
export function inReviewOrder(columns, record) {
  return columns
    .map((column) => ({ column, condition: conditionOf(column, record) }))
    .sort((a, b) => ORDER[a.condition] - ORDER[b.condition]);
}

/** A box as CSS takes it. @param {[number, number, number, number]} box fractions of the page */
export function placed([left, top, right, bottom]) {
  const percent = (/** @type {number} */ part) => `${(100 * Math.min(1, Math.max(0, part))).toFixed(3)}%`;
  return { left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) };
}

// @ts-check
/** A dataset's schema as the rows of a form, and back. What the form cannot show stays as it is. */

/** @typedef {{name: string, title: string, kind: string, labels: string, isRequired: boolean, before: any}} FormRow */

/** The kinds of values that the form offers, as JSON Schema. @type {Record<string, any>} */
export const KINDS = {
  text: { type: "string" },
  date: { type: "string", format: "date" },
  number: { type: "number" },
  integer: { type: "integer" },
  boolean: { type: "boolean" },
};
export const OTHER = "other";

/** @param {any} schema @returns {FormRow[]} */
export function rowsOf(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    title: property.title ?? "",
    kind: kindOf(property),
    labels: (property["x-labels"] ?? []).join(", "),
    isRequired: required.has(name),
    before: { name, property },
  }));
}

/** @param {any} property */
function kindOf(property) {
  const found = Object.entries(KINDS).find(([, kind]) => kind.type === property.type && kind.format === property.format);
  return found && !property.enum ? found[0] : OTHER;
}

/** @type {() => FormRow} */
export const emptyRow = () => ({ name: "", title: "", kind: "text", labels: "", isRequired: false, before: null });

/** @param {any} schema the present one @param {FormRow[]} rows */
export function schemaOf(schema, rows) {
  const kept = rows.filter(({ name }) => name.trim());
  const properties = Object.fromEntries(kept.map((row) => [row.name.trim(), propertyOf(row)]));
  return { ...schema, type: "object", properties, required: kept.filter((row) => row.isRequired).map((row) => row.name.trim()) };
}

/** @param {FormRow} row */
function propertyOf({ title, kind, labels, before }) {
  const { title: _title, "x-labels": _labels, ...rest } = before?.property ?? {};
  const { type: _type, format: _format, ...others } = rest;
  const words = labels.split(",").map((word) => word.trim()).filter(Boolean);
  return {
    ...(kind === OTHER ? rest : { ...others, ...KINDS[kind] }),
    ...(title.trim() ? { title: title.trim() } : {}),
    ...(words.length ? { "x-labels": words } : {}),
  };
}

/**
 * What a new schema would change, by property.
 * @param {any} before @param {any} after
 * @returns {{added: string[], removed: string[], changed: string[]}}
 */
export function difference(before, after) {
  const [old, now] = [before.properties ?? {}, after.properties ?? {}];
  const required = (/** @type {any} */ schema, /** @type {string} */ name) => (schema.required ?? []).includes(name);
  return {
    added: Object.keys(now).filter((name) => !(name in old)),
    removed: Object.keys(old).filter((name) => !(name in now)),
    changed: Object.keys(now).filter(
      (name) => name in old && (stable(old[name]) !== stable(now[name]) || required(before, name) !== required(after, name)),
    ),
  };
}

/** JSON with sorted names. @param {any} value @returns {string} */
const stable = (value) =>
  JSON.stringify(value, (_, inner) =>
    inner && typeof inner === "object" && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort()) : inner,
  );

// @ts-check
/** The columns of a dataset's table, from its schema. */

/**
 * @typedef {{name: string, title: string, type: string, format: string | null, isRequired: boolean, labels: string[],
 *   schema: any}} Column
 */

const SUBTITLE = /_/g;

/** @param {any} schema a JSON Schema of an object @returns {Column[]} */
export function columnsOf(schema) {
  const required = new Set(schema?.required ?? []);
  return Object.entries(schema?.properties ?? {}).map(([name, raw]) => {
    const property = resolved(schema, raw);
    return {
      name,
      title: property.title || name.replace(SUBTITLE, " "),
      type: typeOf(property),
      format: property.format ?? null,
      isRequired: required.has(name),
      labels: property["x-labels"] ?? [],
      schema: property,
    };
  });
}

/** A property behind a local `$ref`. @param {any} schema @param {any} property */
function resolved(schema, property) {
  let found = property;
  for (let depth = 0; found?.$ref && depth < 10; depth += 1) {
    const path = String(found.$ref).replace(/^#\/?/, "").split("/");
    found = path.reduce((/** @type {any} */ inner, part) => inner?.[part.replace(/~1/g, "/").replace(/~0/g, "~")], schema);
  }
  return found ?? {};
}

/** @param {any} property */
const typeOf = (property) => [property.type].flat().find((type) => type && type !== "null") ?? "string";

// @ts-check
/** The columns of a dataset's table, from its schema. */

/**
 * @typedef {{name: string, title: string, type: string, format: string | null, isRequired: boolean, labels: string[],
 *   schema: any, items: {type: string, schema: any, columns: Column[]} | null}} Column
 *   `items`: of a list, the type of its entries, and the columns of those that are objects
 */

const SUBTITLE = /_/g;

/** @param {any} schema a JSON Schema of an object @param {any} [root] the schema that has its definitions @returns {Column[]} */
export function columnsOf(schema, root = schema) {
  const required = new Set(schema?.required ?? []);
  return Object.entries(schema?.properties ?? {}).map(([name, raw]) => {
    const property = resolved(root, raw);
    return {
      name,
      title: property.title || name.replace(SUBTITLE, " "),
      type: typeOf(property),
      format: property.format ?? null,
      isRequired: required.has(name),
      labels: property["x-labels"] ?? [],
      schema: property,
      items: itemsOf(property, root),
    };
  });
}

/** @param {any} property @param {any} root */
function itemsOf(property, root) {
  if (typeOf(property) !== "array" || !property.items) return null;
  const schema = resolved(root, property.items);
  return { type: typeOf(schema), schema, columns: typeOf(schema) === "object" ? columnsOf(schema, root) : [] };
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

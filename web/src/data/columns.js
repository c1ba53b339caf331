// @ts-check
/** The columns of a dataset's table, from its schema. */

/**
 * @typedef {{name: string, title: string, type: string, format: string | null, isRequired: boolean, labels: string[],
 *   hasFractions?: boolean, schema: any, items: {type: string, schema: any, columns: Column[]} | null}} Column
 *   `hasFractions`: whether a number of the column has one, as far as the rows are known;
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
      hasFractions: false,
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

/**
 * The names of columns with a number that has a fraction, those of `known` included; `known` itself if there are no others.
 * @param {ReadonlySet<string>} known @param {readonly {fields: Record<string, any>}[]} rows
 * @returns {ReadonlySet<string>}
 */
export function withFractions(known, rows) {
  let found = known;
  for (const { fields } of rows) {
    for (const name in fields) {
      const value = fields[name];
      if (typeof value === "number" && !Number.isInteger(value) && !found.has(name)) found = new Set([...found, name]);
    }
  }
  return found;
}

/** The columns, with those marked that have fractions: all their numbers are written with decimals. @param {Column[]} columns @param {ReadonlySet<string>} names */
export const noted = (columns, names) => columns.map((column) => (names.has(column.name) ? { ...column, hasFractions: true } : column));

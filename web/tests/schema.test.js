import assert from "node:assert/strict";
import test from "node:test";
import { accepts, conditionsOf, nextSort, NO_FILTER, pathOf, toBeChecked } from "../src/data/listing.js";
import { difference, emptyRow, rowsOf, schemaOf } from "../src/data/schema_form.js";

const schema = {
  type: "object",
  required: ["title"],
  $defs: { money: { type: "number" } },
  properties: {
    title: { type: "string", "x-labels": ["Shop", "Seller"] },
    date: { type: "string", format: "date" },
    kind: { type: "string", enum: ["a", "b"] },
    lines: { type: "array", items: { type: "object", properties: { price: { $ref: "#/$defs/money" } } } },
    total: { type: "number", minimum: 0, title: "Total" },
  },
};

test("a form that was not touched gives the same schema", () => {
  assert.deepEqual(schemaOf(schema, rowsOf(schema)), schema);
  assert.deepEqual(difference(schema, schemaOf(schema, rowsOf(schema))), { added: [], removed: [], changed: [] });
});

test("a changed form says what it would change, and keeps what it cannot show", () => {
  const rows = rowsOf(schema);
  rows[4] = { ...rows[4], kind: "integer", isRequired: true };
  const next = schemaOf(schema, [...rows.slice(1), { ...emptyRow(), name: " iban ", labels: "IBAN, Account" }]);
  assert.deepEqual(difference(schema, next), { added: ["iban"], removed: ["title"], changed: ["total"] });
  assert.deepEqual(next.properties.total, { type: "integer", minimum: 0, title: "Total" });
  assert.deepEqual(next.properties.iban, { type: "string", "x-labels": ["IBAN", "Account"] });
  assert.deepEqual(next.properties.lines, schema.properties.lines);
  assert.deepEqual(next.required, ["total"]);
});

test("the plain listing serves states and names, the one by values reviews and orders", () => {
  assert.equal(pathOf("d", { ...NO_FILTER, state: "done" }, 10, null), "/datasets/d/files?view=row&limit=10&state=done");
  const path = pathOf("d", { ...NO_FILTER, review: "needed", sort: "-total" }, 10, "c");
  assert.ok(path.startsWith("/datasets/d/rows?"));
  const asked = new URLSearchParams(path.split("?")[1]);
  assert.deepEqual(JSON.parse(asked.get("where")), [{ field: "@review", op: "eq", value: "needed" }]);
  assert.deepEqual([asked.get("sort"), asked.get("cursor")], ["-total", "c"]);
});

test("records are checked in the order of their probability, unless another order is chosen", () => {
  assert.deepEqual(toBeChecked(NO_FILTER), { review: "needed", sort: "@probability" });
  assert.deepEqual(toBeChecked({ ...NO_FILTER, ...toBeChecked(NO_FILTER) }), { review: "", sort: "" });
  assert.deepEqual(toBeChecked({ ...NO_FILTER, sort: "-total" }), { review: "needed", sort: "-total" });
});

test("a changed row belongs into a listing by the same conditions as on the server", () => {
  const filter = { ...NO_FILTER, state: "done", name: "Bill", review: "open" };
  const row = { state: "done", name: "my bill.pdf", review: "open" };
  assert.ok(accepts(filter, row));
  for (const change of [{ state: "failed" }, { name: "x" }, { review: "approved" }]) assert.ok(!accepts(filter, { ...row, ...change }));
  assert.equal(conditionsOf(filter).length, 3);
});

test("a column sorts up, then down, then not", () => {
  assert.deepEqual([nextSort("", "a"), nextSort("a", "a"), nextSort("-a", "a"), nextSort("b", "a")], ["a", "-a", "", "a"]);
});

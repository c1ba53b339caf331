import assert from "node:assert/strict";
import test from "node:test";
import { inReviewOrder, placed, proofsOf } from "../src/data/evidence.js";
import { kindOf, numberOf, readInput, written } from "../src/data/input.js";
import { joined } from "../src/data/pages.js";
import { rowOf } from "../src/data/row.js";
import { valueOf } from "../src/data/taken.js";
import { columnsOf, noted, withFractions } from "../src/data/columns.js";
import { day, fieldValue } from "../src/format.js";
import { catalogue } from "../src/i18n.js";

const english = { yes: "yes", no: "no", items: { one: "{count} item", other: "{count} items" } };
catalogue.value = { language: "en", locale: "en", texts: english };

const schema = {
  type: "object",
  required: ["title"],
  properties: {
    title: { type: "string" },
    due: { type: "string", format: "date" },
    total: { type: ["number", "null"] },
    lines: { $ref: "#/$defs/lines" },
  },
  $defs: { lines: { type: "array", items: { type: "object" } } },
};

test("columns follow the schema, references included", () => {
  const columns = columnsOf(schema);
  assert.deepEqual(columns.map(({ name, type }) => [name, type]), [["title", "string"], ["due", "string"], ["total", "number"], ["lines", "array"]]);
  assert.equal(columns[0].isRequired, true);
});

test("what is missing comes first in a review, then what may be wrong", () => {
  const record = { fields: { due: "2024-01-02", total: 3 }, missing: ["title"], doubtful: ["total"] };
  const order = inReviewOrder(columnsOf(schema), record).map(({ column, condition }) => [column.name, condition]);
  assert.deepEqual(order, [["title", "missing"], ["total", "doubtful"], ["due", "found"], ["lines", "empty"]]);
});

test("a field is shown by the evidence of its items too, and not by that of another field", () => {
  const evidence = { total: { page: 1, box: [0, 0, 1, 1], text: "9" }, "total_due": { page: 2, text: "8" }, "lines[0].price": { page: 3, text: "7" } };
  assert.deepEqual(proofsOf(evidence, "total").map(({ page }) => page), [1]);
  assert.deepEqual(proofsOf(evidence, "lines").map(({ page }) => page), [3]);
});

test("a box never leaves its page", () => {
  assert.deepEqual(placed([-0.1, 0.5, 0.4, 0.6]), { left: "0.000%", top: "50.000%", width: "50.000%", height: "10.000%" });
});

test("days of records do not move with the time zone, and what is no day stays as it is", () => {
  assert.equal(day("2024-03-01"), "Mar 1, 2024");
  assert.equal(day("2024-02-31"), "2024-02-31");
  assert.equal(day("soon"), "soon");
});

test("values are shown by their type", () => {
  assert.equal(fieldValue(1234.5, { type: "number" }), "1,234.50");
  assert.equal(fieldValue(2024, { type: "integer" }), "2024");
  assert.equal(fieldValue(false), "no");
  assert.equal(fieldValue([{ a: 1 }, { a: 2 }]), "2 items");
  assert.equal(fieldValue(["x", "y"]), "x, y");
  assert.equal(fieldValue(0), "0");
});

for (const [text, language, value] of [
  ["1,234.50", "en", 1234.5],
  ["1.234,50", "de", 1234.5],
  ["9,5", "de", 9.5],
  ["9.50", "de", undefined],
  ["9,5", "en", undefined],
  ["-0.5", "en", -0.5],
  ["12 345,6", "de", 12345.6],
  ["abc", "en", undefined],
  ["1e5", "en", undefined],
  ["1,23,4", "en", undefined],
]) {
  test(`${text} typed in ${language} is ${value ?? "no number"}`, () => assert.equal(numberOf(text, language, false), value));
}

test("a whole number takes no fraction", () => assert.equal(numberOf("1.5", "en", true), undefined));

test("what is written into an input is read as the same value", () => {
  const [title, , total] = columnsOf(schema);
  for (const language of ["en", "de"]) {
    for (const value of [0.1, 1234567.25, -3]) assert.equal(readInput(written(value, total, language), total, language), value);
  }
  assert.equal(readInput("  ", title, "en"), null);
  assert.equal(readInput(" Shop ", title, "en"), "Shop");
});

test("lists and objects are not edited in one input", () => {
  const columns = columnsOf(schema);
  assert.deepEqual(columns.map((column) => kindOf(column, null)), ["text", "date", "number", "none"]);
  assert.equal(kindOf(columns[1], "1 March"), "text");
});

test("a row reads files and rows of the API alike", () => {
  const record = { version: 1, fields: { total: 1 }, missing: ["title"], doubtful: ["lines[0].price"], documents: 1, review: "needed" };
  const common = { id: "1", name: "a.pdf", state: "partial", updated_at: "t" };
  const short = rowOf({ ...common, pipelines: { main: "done" }, thumbnail: { url: "u" }, record });
  const long = rowOf({ ...common, pipelines: { main: { state: "done", steps: [] } }, artifacts: { record, thumbnail: { url: "u" } } });
  assert.deepEqual(short, long);
  assert.deepEqual(short.doubtful, ["lines"]);
});

const [, due, total] = columnsOf(schema);
for (const [text, column, value] of [
  ["$ 1,234.50", total, 1234.5],
  ["EUR 1.234,50", total, 1234.5],
  ["9.50", total, 9.5],
  ["1,234", total, undefined],
  ["Total", total, undefined],
  ["2024-03-04", due, "2024-03-04"],
  ["4.3.2024", due, "2024-03-04"],
  ["25/12/2024", due, "2024-12-25"],
  ["12/25/2024", due, "2024-12-25"],
  ["3/4/2024", due, undefined],
  ["31.02.2024", due, undefined],
]) {
  test(`"${text}" selected on a page is ${value ?? "left to the person"}`, () => assert.equal(valueOf(text, column), value));
}

test("selected words become one text and one box", () => {
  const words = [{ text: "Total", box: [0.1, 0.2, 0.2, 0.3] }, { text: "9.50", box: [0.3, 0.19, 0.4, 0.28] }];
  assert.deepEqual(joined(words), { text: "Total 9.50", box: [0.1, 0.19, 0.4, 0.3] });
  assert.equal(joined([]), null);
});

test("the numbers of a column with fractions all have decimals", () => {
  const schema = { properties: { total: { type: "number" }, year: { type: "integer" }, weight: { type: "number" } } };
  const rows = [{ fields: { total: 486, weight: 3, year: 2024 } }, { fields: { total: 279.84, weight: 12, year: null } }];
  const known = withFractions(new Set(), rows);
  const columns = noted(columnsOf(schema), known);
  const written = rows.map(({ fields }) => columns.map(({ name, schema, hasFractions }) => fieldValue(fields[name], schema, hasFractions)));
  assert.deepEqual(written, [["486.00", "2024", "3"], ["279.84", "", "12"]]);
  assert.equal(withFractions(known, rows), known);
  assert.equal(fieldValue(0.125, { type: "number" }, true), "0.125");
});

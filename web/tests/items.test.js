import assert from "node:assert/strict";
import test from "node:test";
import { columnsOf } from "../src/data/columns.js";
import { itemColumnsOf, itemsOf, lacking, listOf } from "../src/data/items.js";

const [items, tags, nested, text] = columnsOf({
  $defs: { item: { type: "object", required: ["price"], properties: { label: { type: "string" }, price: { $ref: "#/$defs/money" } } }, money: { type: "number" } },
  properties: {
    items: { type: "array", items: { $ref: "#/$defs/item" } },
    tags: { type: "array", title: "Tags", items: { type: "string" } },
    nested: { type: "array", items: { type: "object", properties: { parts: { type: "array" } } } },
    text: { type: "string" },
  },
});

test("the columns of a list are those of its items, with references resolved", () => {
  assert.deepEqual(itemColumnsOf(items).map(({ name, type, isRequired }) => [name, type, isRequired]), [["label", "string", false], ["price", "number", true]]);
  assert.deepEqual(itemColumnsOf(tags).map(({ title, type }) => [title, type]), [["Tags", "string"]]);
});

test("what no small table shows has no columns", () => {
  assert.deepEqual([nested, text].map((column) => itemColumnsOf(column).length), [0, 0]);
});

test("a list is the same after it was a table", () => {
  for (const [column, list] of [[items, [{ label: "Nails", price: 3.5 }, { price: 1 }]], [tags, ["a", "b"]], [items, []]]) {
    assert.deepEqual(listOf(itemsOf(list, column), column), list);
  }
  assert.deepEqual(itemsOf(null, items), []);
});

test("empty items and absent values are not saved", () => {
  assert.deepEqual(listOf([{ label: null, price: 2 }, {}, { label: null }], items), [{ price: 2 }]);
  assert.deepEqual(listOf([{ entry: null }, { entry: "x" }], tags), ["x"]);
});

test("an item that lacks a required value is named before it is sent", () => {
  const columns = itemColumnsOf(items);
  assert.deepEqual(lacking([{ price: 1 }, { label: "Nails" }], columns), ["price"]);
  assert.deepEqual(lacking([{}, { price: 0 }], columns), []);
});

test("a change leaves the record's own list as it is", () => {
  const list = [{ label: "Nails", price: 3 }];
  itemsOf(list, items)[0].price = 4;
  assert.equal(list[0].price, 3);
});

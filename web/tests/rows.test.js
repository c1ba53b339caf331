import assert from "node:assert/strict";
import test from "node:test";
import { ListedRows, Rows } from "../src/data/rows.js";

const row = (id, changes = {}) => ({ id, name: id, state: "done", updatedAt: "1", ...changes });
const ids = (rows) => rows.list.map(({ id }) => id).join("");

test("rows stand newest first, in whatever order they come", () => {
  const rows = new Rows();
  rows.append([row("d"), row("b")], false);
  rows.append([row("c"), row("a")], true);
  assert.equal(ids(rows), "dcba");
});

test("a page that repeats a row shows it once", () => {
  const rows = new Rows();
  rows.append([row("b"), row("a")], false);
  rows.append([row("a", { name: "again" })], true);
  assert.equal(ids(rows), "ba");
  assert.equal(rows.byId.get("a").name, "again");
});

test("a changed row that a later page will bring is not inserted before its page", () => {
  const rows = new Rows();
  rows.append([row("d"), row("c")], false);
  rows.merge([row("b"), row("e")], []);
  assert.equal(ids(rows), "edc");
});

test("an older state does not replace a newer one", () => {
  const rows = new Rows();
  rows.append([row("a", { updatedAt: "2", state: "done" })], true);
  rows.merge([row("a", { updatedAt: "1", state: "processing" })], []);
  assert.equal(rows.byId.get("a").state, "done");
});

test("a row that no longer fits the filter leaves the table", () => {
  const rows = new Rows((one) => one.state === "processing");
  rows.append([row("b", { state: "processing" }), row("a", { state: "processing" })], true);
  rows.merge([row("b", { updatedAt: "2" }), row("c")], []);
  assert.equal(ids(rows), "a");
  assert.equal(rows.byId.has("b"), false);
});

test("merge says by how many rows the first row in sight has moved", () => {
  const rows = new Rows();
  rows.append([row("d"), row("c"), row("b"), row("a")], true);
  assert.equal(rows.merge([row("e"), row("f")], ["d"], 2), 1);
  assert.equal(rows.list[3].id, "b");
});

test("a removed row is gone, and an unknown one changes nothing", () => {
  const rows = new Rows();
  rows.append([row("b"), row("a")], true);
  rows.merge([], ["a", "z"]);
  assert.equal(ids(rows), "b");
});

test("rows in the order of a value stay in it when they change", () => {
  const rows = new ListedRows((one) => one.state === "done");
  rows.append([row("b"), row("d"), row("a")], false);
  rows.merge([row("a", { name: "new", updatedAt: "2" }), row("z")], ["d"]);
  assert.equal(ids(rows), "ba");
  assert.equal(rows.list[1].name, "new");
  rows.merge([row("b", { state: "failed", updatedAt: "2" })], []);
  assert.equal(ids(rows), "a");
  assert.equal(rows.indexOf("a"), 0);
});

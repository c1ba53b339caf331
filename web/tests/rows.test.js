import assert from "node:assert/strict";
import test from "node:test";
import { hasExpired, Stub } from "../src/data/row.js";
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

const many = (count) => Array.from({ length: count }, (_, index) => row(String(900_000 - index)));

test("of very many rows only those near the ones in sight keep their content, and all keep their place", () => {
  for (const rows of [new Rows(), new ListedRows()]) {
    rows.append(many(20_000), true);
    const before = rows.list.map(({ id }) => id);
    rows.trim(10_000);
    assert.deepEqual(rows.list.map(({ id }) => id), before);
    assert.ok(rows.full < 5_000 && rows.full === rows.list.filter((one) => !(one instanceof Stub)).length);
    assert.ok(rows.get(before[10_000]) && rows.get(before[0]) === null && rows.indexOf(before[0]) === 0);
  }
});

test("a dropped content comes back by reading the row again or by a change of it", () => {
  const rows = new Rows();
  rows.append(many(20_000), true);
  rows.trim(10_000);
  const [first, second, third] = rows.list.map(({ id }) => id);
  rows.fill([row(first, { name: "read again" }), row("unknown")]);
  rows.merge([row(second, { name: "changed" })], [third]);
  assert.equal(rows.get(first).name, "read again");
  assert.equal(rows.get(second).name, "changed");
  assert.equal(rows.list.length, 19_999);
  assert.equal(rows.full, rows.list.filter((one) => !(one instanceof Stub)).length);
});

test("few rows keep their content", () => {
  const rows = new Rows();
  rows.append(many(3_000), true);
  rows.trim(0);
  assert.equal(rows.full, 3_000);
});

const signed = (date, seconds) => `http://store/a?X-Amz-Algorithm=A&X-Amz-Date=${date}&X-Amz-Expires=${seconds}&X-Amz-Signature=s`;

test("rows with pictures whose addresses have expired are read again", () => {
  const now = Date.UTC(2026, 0, 15, 10, 0, 0);
  const rows = new Rows();
  rows.append([row("c", { thumbnail: signed("20260115T085000Z", 3600) }), row("b", { thumbnail: signed("20260115T095500Z", 3600) }), row("a", { thumbnail: null })], true);
  assert.ok(rows.dropExpired(now));
  assert.deepEqual([rows.get("c"), rows.get("b")?.id, rows.get("a")?.id], [null, "b", "a"]);
  assert.equal(rows.dropExpired(now), false);
  assert.equal(hasExpired("http://store/a", now), false);
});

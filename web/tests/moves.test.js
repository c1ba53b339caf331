import assert from "node:assert/strict";
import test from "node:test";
import { bodiesOf, filesOf } from "../src/actions.js";
import { conditionFrom, kindColumn, operatorsOf } from "../src/data/conditions.js";
import { chosenBy, decisions, others, rulesOf, stateOf, withoutTarget } from "../src/data/routing.js";
import { rowOf } from "../src/data/row.js";
import { reasonsOf } from "../src/moves.js";

const NONE = { right: 0, wrong: 0, undecided: 0 };
const routing = {
  rules: { invoice: { dataset_id: "i", name: "Invoices" }, receipt: { dataset_id: "gone", name: null } },
  taught: { invoice: 2 },
  model: { is_used: false, rules: NONE, learnt: NONE },
};

test("each kind has the dataset that its rule names, and files of the others stay", () => {
  const chosen = chosenBy(routing);
  assert.deepEqual(chosen, { invoice: "i", receipt: "gone", statement: "", other: "" });
  assert.deepEqual(rulesOf({ ...chosen, receipt: "", other: "o" }), { invoice: "i", other: "o" });
});

test("a rule to a dataset that was removed must be changed before rules are saved", () => {
  assert.deepEqual(withoutTarget(routing, chosenBy(routing)), ["receipt"]);
  assert.deepEqual(withoutTarget(routing, { ...chosenBy(routing), receipt: "i" }), []);
  assert.deepEqual(withoutTarget(routing, { ...chosenBy(routing), receipt: "" }), []);
});

test("what was taught is used, was tried, or is too little", () => {
  assert.equal(stateOf(routing), "little");
  assert.equal(stateOf({ ...routing, taught: { invoice: 2, receipt: 1 } }), "tried");
  assert.equal(stateOf({ ...routing, model: { ...routing.model, is_used: true } }), "used");
  assert.equal(decisions({ right: 3, wrong: 1, undecided: 2 }), 6);
});

test("files go to any dataset but their own, in the order of names", () => {
  const datasets = [{ id: "b", name: "beta" }, { id: "me", name: "Inbox" }, { id: "a", name: "Älpha" }];
  assert.deepEqual(others(datasets, "me", "de").map(({ id }) => id), ["a", "b"]);
});

test("a request to move names at most as many files as the API takes", () => {
  const ids = Array.from({ length: 2500 }, (_, number) => `${number}`);
  assert.deepEqual(bodiesOf(filesOf("d", ids), 1000).map(({ file_ids: some }) => some.length), [1000, 1000, 500]);
});

test("files that stay are counted by the reason, each file once", () => {
  const answers = [{ not_moved: [{ id: "1", reason: "busy" }, { id: "2", reason: "gone" }] }, { not_moved: [{ id: "1", reason: "busy" }, { id: "3", reason: "busy" }] }];
  assert.deepEqual([...reasonsOf(answers)], [["busy", 2], ["gone", 1]]);
});

test("rows are filtered by a kind that Fairway recognises, and by nothing else of it", () => {
  const column = kindColumn("kind");
  assert.deepEqual(operatorsOf(column), ["eq", "ne"]);
  assert.deepEqual(conditionFrom(column, "eq", "invoice", "en"), { field: "@kind", op: "eq", value: "invoice" });
  assert.equal(conditionFrom(column, "eq", "", "en"), null);
});

test("a row knows whether its file was moved", () => {
  const moved = { from: "d", by: "rule", at: "2026-01-02T03:04:05Z" };
  assert.deepEqual(rowOf({ id: "1", moved }).moved, moved);
  assert.equal(rowOf({ id: "1" }).moved, null);
});

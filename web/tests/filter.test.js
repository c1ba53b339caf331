import assert from "node:assert/strict";
import test from "node:test";
import { bodiesOf, filesOf } from "../src/actions.js";
import { columnsOf } from "../src/data/columns.js";
import { conditionFrom, operatorsOf, takesValue, withCondition } from "../src/data/conditions.js";
import { conditionsOf, isByValue, NO_FILTER, pathFrom, pathOf } from "../src/data/listing.js";
import { catalogue } from "../src/i18n.js";
import { causeText, problemText, waitingText } from "../src/sentences.js";

const columns = columnsOf({
  properties: {
    title: { type: "string" },
    date: { type: "string", format: "date" },
    total: { type: "number" },
    paid: { type: "boolean" },
    currency: { type: "string", enum: ["EUR", "MYR"] },
    items: { type: "array", items: { type: "object" } },
  },
});
const [title, date, total, paid, currency, items] = columns;

test("each kind of column takes the comparisons that the API accepts for it", () => {
  assert.equal(operatorsOf(title)[0], "contains");
  for (const column of [date, total]) assert.deepEqual(operatorsOf(column).slice(0, 6), ["eq", "ne", "lt", "le", "gt", "ge"]);
  assert.ok(!operatorsOf(currency).includes("contains") && !operatorsOf(paid).includes("gt"));
  assert.deepEqual(operatorsOf(items), ["missing", "doubtful"]);
  assert.deepEqual(operatorsOf(items).map(takesValue), [false, false]);
});

test("a typed value becomes a condition of its type, in the reader's language", () => {
  assert.deepEqual(conditionFrom(total, "gt", "1.234,50", "de"), { field: "total", op: "gt", value: 1234.5 });
  assert.deepEqual(conditionFrom(date, "le", "2024-05-03", "en"), { field: "date", op: "le", value: "2024-05-03" });
  assert.deepEqual(conditionFrom(paid, "eq", "false", "en"), { field: "paid", op: "eq", value: false });
  assert.deepEqual(conditionFrom(total, "missing", "ignored", "en"), { field: "total", op: "missing" });
  assert.equal(conditionFrom(total, "gt", "many", "en"), null);
  assert.equal(conditionFrom(title, "contains", "  ", "en"), null);
});

test("a condition is added once", () => {
  const condition = { field: "total", op: "gt", value: 5 };
  const where = withCondition([], condition);
  assert.equal(withCondition(where, { ...condition }), where);
  assert.equal(withCondition(where, { ...condition, value: 6 }).length, 2);
});

test("a filter by value is asked of the API together with all other parts of the filter", () => {
  const filter = { ...NO_FILTER, state: "done", where: [{ field: "total", op: "gt", value: 5 }] };
  assert.ok(isByValue(filter) && !isByValue(NO_FILTER));
  const where = new URLSearchParams(pathOf("d", filter, 10, null).split("?")[1]).get("where");
  assert.deepEqual(JSON.parse(where), conditionsOf(filter));
  assert.equal(conditionsOf(filter).length, 2);
  assert.match(pathFrom("d", NO_FILTER, 300, "f"), /^\/datasets\/d\/rows\?limit=300&around=f$/);
});

test("many chosen files are named in several requests, all of a filter by its conditions", () => {
  const ids = Array.from({ length: 10_001 }, (_, index) => String(index));
  assert.deepEqual(bodiesOf(filesOf("d", ids)).map(({ file_ids }) => file_ids.length), [10_000, 1]);
  const filter = { ...NO_FILTER, review: "needed" };
  assert.deepEqual(bodiesOf({ datasetId: "d", filter }), [{ where: [{ field: "@review", op: "eq", value: "needed" }] }]);
});

test("all files of a dataset are those of a state and those that are not in it", () => {
  const bodies = bodiesOf({ datasetId: "d", filter: NO_FILTER });
  assert.deepEqual(bodies.map(({ where }) => where.map(({ field, op }) => `${field} ${op}`)), [["@state ne"], ["@state eq"]]);
});

const speak = (language, texts) => (catalogue.value = { language, locale: language, texts });
const texts = { "cause.corrupt": "Beschädigt.", "problem.conflict": "Nicht möglich.", "waiting.fair_share": "wartet", "waiting.ahead": "{count} davor", "waiting.eta": "etwa {eta}" };

test("what the API says is shown in English, or by its code in another language", () => {
  const conflict = Object.assign(new Error("it is running"), { code: "conflict" });
  speak("en", { "cause.corrupt": "Damaged." });
  assert.equal(causeText({ code: "corrupt", detail: "page 3 ends early" }), "page 3 ends early");
  assert.equal(causeText({ code: "corrupt", detail: null }), "Damaged.");
  assert.equal(problemText(conflict), "it is running");
  speak("de", texts);
  assert.equal(causeText({ code: "corrupt", detail: "page 3 ends early" }), "Beschädigt.");
  assert.equal(causeText({ code: "new_cause", detail: "something new" }), "something new");
  assert.equal(problemText(conflict), "Nicht möglich. (it is running)");
  speak("en", {});
});

test("a wait names its reason, the files ahead and the time in the reader's language", () => {
  const waiting = { reason: "fair_share", detail: "it waits its turn for OCR", position: 12, eta_s: [60, 60] };
  speak("de", texts);
  assert.equal(waitingText(waiting), "wartet; 12 davor; etwa 60 Sek.");
  assert.equal(waitingText({ ...waiting, position: 0, eta_s: null }), "wartet");
  speak("en", { "waiting.sentence": "{detail}; about {eta}" });
  assert.equal(waitingText(waiting), "it waits its turn for OCR; about 60 sec");
  speak("en", {});
});

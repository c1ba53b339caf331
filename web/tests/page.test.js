import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { nextPause } from "../src/data/feed.js";
import { activate, chooseAll, clear, extend, isChosen, NOTHING, prune, toggle } from "../src/data/selection.js";
import { drawnAtMost, scrollTo, windowOf } from "../src/data/rows.js";
import { fill, LANGUAGES, languageFor } from "../src/i18n.js";
import { pointsOf } from "../src/operations/history.js";
import { commandOf } from "../src/parts/table_keys.js";
import { addressOf, placeOf } from "../src/router.js";
import { codeIn } from "../src/session.js";

const web = path.join(import.meta.dirname, "..");
const read = (name) => JSON.parse(fs.readFileSync(path.join(web, "catalogs", `${name}.json`), "utf8"));
const sources = fs
  .readdirSync(path.join(web, "src"), { recursive: true })
  .filter((name) => name.endsWith(".js"))
  .map((name) => [name, fs.readFileSync(path.join(web, "src", name), "utf8")]);

test("all catalogues have the same texts, with the same values in them", () => {
  const english = read("en");
  const values = (text) => [...new Set(JSON.stringify(text).match(/\{\w+\}/g) ?? [])].sort().join();
  for (const language of Object.keys(LANGUAGES)) {
    const texts = read(language);
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(english).sort());
    for (const name of Object.keys(english)) assert.equal(values(texts[name]), values(english[name]), name);
  }
});

test("every text that the page names is in the catalogue", () => {
  const english = read("en");
  for (const [name, text] of sources) {
    for (const [, key] of text.matchAll(/\bt\(\s*"([\w.]+)"/g)) assert.ok(key in english, `${name}: ${key}`);
  }
});

test("no module sets HTML from text, and none is longer than 250 lines", () => {
  for (const [name, text] of sources) {
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|\beval\(/, name);
    assert.ok(text.split("\n").length <= 251, name);
    assert.match(text, /^\/\/ @ts-check\n/, name);
  }
});

test("the page names no address outside of it", () => {
  for (const [name, text] of sources) assert.doesNotMatch(text, /["'`(]https?:\/\/(?!www\.w3\.org\/2000\/svg)/, name);
});

test("plural forms and values follow the language", () => {
  const files = { one: "{count} file", other: "{count} files" };
  assert.equal(fill(files, { count: 1 }, "en"), "1 file");
  assert.equal(fill(files, { count: 8214 }, "en"), "8,214 files");
  assert.equal(fill("{name} {unknown}", { name: "<b>" }, "en"), "<b> {unknown}");
});

test("the language is the chosen one, else the browser's first with a catalogue", () => {
  assert.equal(languageFor("de", ["en"]), "de");
  assert.equal(languageFor(null, ["fr-CA", "de-AT", "en"]), "de");
  assert.equal(languageFor("xx", ["fr"]), "en");
});

test("an address names a screen and the screen the address", () => {
  for (const place of [
    { screen: "datasets" },
    { screen: "operations" },
    { screen: "dataset", datasetId: "d" },
    { screen: "file", datasetId: "d", fileId: "f" },
  ]) {
    assert.deepEqual(placeOf(addressOf(place)), place);
  }
  assert.deepEqual(placeOf("#/nonsense/x"), { screen: "datasets" });
});

test("only a code in the fragment signs in", () => {
  assert.equal(codeIn("#code=fwc_a-B9"), "fwc_a-B9");
  assert.equal(codeIn("#/datasets/code=1"), null);
});

test("a window has the rows in sight and few others, at any place of a million rows", () => {
  for (const scrollTop of [0, 4400, 44e6]) {
    const { first, end } = windowOf({ scrollTop, height: 880, rowHeight: 44, total: 1_000_000 });
    assert.ok(end - first <= 40 && first >= 0 && end <= 1_000_000, `${first} ${end}`);
  }
  assert.deepEqual(windowOf({ scrollTop: 0, height: 880, rowHeight: 44, total: 0 }), { first: 0, end: 0, firstSeen: 0 });
});

test("a row in sight does not scroll, one outside comes to the nearer edge", () => {
  const view = { scrollTop: 440, height: 440, rowHeight: 44 };
  assert.equal(scrollTo(12, view), null);
  assert.equal(scrollTo(5, view), 220);
  assert.equal(scrollTo(30, view), 924);
});

test("a range is chosen from the last toggled row", () => {
  const ids = ["a", "b", "c", "d", "e"];
  const chosen = extend(toggle(NOTHING, "b", ids), "d", ids);
  assert.deepEqual([...chosen.chosen], ["b", "c", "d"]);
  assert.deepEqual([...toggle(chosen, "c", ids).chosen], ["b", "d"]);
  assert.deepEqual([...prune(chosen, (id) => id !== "b").chosen], ["c", "d"]);
  assert.equal(activate(chosen, "e").chosen.size, 3);
});

test("all rows of a filter are chosen without their ids, and one of them can be left out", () => {
  const all = chooseAll(toggle(NOTHING, "a", ["a", "b"]));
  assert.ok(isChosen(all, "b") && isChosen(all, "not read yet"));
  const without = toggle(all, "a", ["a", "b", "c"]);
  assert.deepEqual([...without.chosen], ["b", "c"]);
  assert.equal(without.isAll, false);
  assert.equal(isChosen(clear(all), "a"), false);
});

test("keys of the browser stay the browser's", () => {
  const key = (name, held = {}) => commandOf({ key: name, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...held });
  assert.equal(key("r", { ctrlKey: true }), null);
  assert.equal(key("ArrowUp", { altKey: true }), null);
  for (const name of ["a", "A"]) assert.deepEqual(key(name, { ctrlKey: true }), { kind: "chooseAll" }); // with caps lock too
  assert.equal(key("ArrowDown", { shiftKey: true }).extends, true);
});

test("a host that cannot hold a call is asked after the time that it names", () => {
  const nothing = { has_more: false, files: [], removed: [], poll_after_s: 2 };
  assert.equal(nextPause(nothing, 5), 2000);
  assert.equal(nextPause(nothing, 15_000), 0);
  assert.equal(nextPause({ ...nothing, has_more: true }, 5), 0);
  assert.ok(nextPause({ ...nothing, removed: ["x"] }, 5) < 1000);
});

test("a line of figures fits into its box", () => {
  const points = pointsOf([0, 5, 10], 120, 24).split(" ").map((point) => point.split(",").map(Number));
  assert.ok(points.every(([x, y]) => x >= 0 && x <= 120 && y >= 0 && y <= 24));
  assert.equal(points.at(-1)[0], 120);
});

test("a window never draws more rows than it has elements for", () => {
  for (const height of [100, 616, 1000]) {
    for (let scrollTop = 0; scrollTop < 5000; scrollTop += 37) {
      const { first, end } = windowOf({ scrollTop, height, rowHeight: 44, total: 1000 });
      const slots = drawnAtMost(height, 44);
      assert.equal(new Set(Array.from({ length: end - first }, (_, at) => (first + at) % slots)).size, end - first);
    }
  }
});

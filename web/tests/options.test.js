import assert from "node:assert/strict";
import test from "node:test";
import { changesOf, choicesOf, languageName, optionsOf, placesOf, withLanguage } from "../src/data/options.js";

const before = { reading: "balanced", languages: ["eng", "deu"], date_order: "auto", several: "records", sure_from: 80 };
const names = (choices) => choices.map(({ name }) => name);

test("only options that differ are sent", () => {
  assert.deepEqual(optionsOf({ id: "d", name: "Receipts", ...before, routing: {} }), before);
  assert.deepEqual(changesOf(before, before), {});
  assert.deepEqual(changesOf(before, { ...before, languages: ["eng", "", "deu", ""] }), {});
  assert.deepEqual(changesOf(before, { ...before, reading: "fast", sure_from: 0 }), { reading: "fast", sure_from: 0 });
  assert.deepEqual(changesOf(before, { ...before, languages: ["deu", "eng"] }), { languages: ["deu", "eng"] });
});

test("a percentage is sent as the API keeps it, with two decimals", () => {
  assert.deepEqual(changesOf(before, { ...before, sure_from: 80.001 }), {});
  assert.deepEqual(changesOf(before, { ...before, sure_from: 92.456 }), { sure_from: 92.46 });
});

test("there is a place for one more language until there are five", () => {
  assert.deepEqual(placesOf(["eng"]), ["eng", ""]);
  assert.deepEqual(placesOf(["eng", ""]), ["eng", ""]);
  assert.deepEqual(placesOf(["eng", "", "fra"]), ["eng", "", "fra", ""]);
  assert.deepEqual(placesOf(["a", "b", "c", "d", "e"]), ["a", "b", "c", "d", "e"]);
});

test("a language that is chosen twice changes places with the other one", () => {
  assert.deepEqual(withLanguage(["eng"], 1, "deu"), ["eng", "deu"]);
  assert.deepEqual(withLanguage(["eng", "deu"], 0, "deu"), ["deu", "eng"]);
  assert.deepEqual(withLanguage(["eng", "deu", ""], 1, ""), ["eng", "", ""]);
});

test("a place offers the known languages by name, and the one that the dataset has", () => {
  const known = ["deu", "eng", "sqi", "osd"];
  assert.deepEqual(names(choicesOf(known, ["eng", "pol"], 0, "en")), ["Albanian", "English", "German", "Polish"]);
  assert.deepEqual(names(choicesOf(known, ["eng", "pol"], 2, "de")), ["Albanisch", "Deutsch"]);
});

test("a language without a name of its own keeps its code", () => {
  assert.equal(languageName("deu", "de-AT"), "Deutsch");
  assert.equal(languageName("chi_sim", "en"), "Simplified Chinese");
  assert.equal(languageName("chi_sim_vert", "en"), "Simplified Chinese (chi_sim_vert)");
  assert.equal(languageName("ita_old", "en"), "Italian (ita_old)");
  assert.equal(languageName("our_own_model", "en"), "our_own_model");
  assert.equal(languageName("abcdefghij", "en"), "abcdefghij");
});

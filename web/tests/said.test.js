import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { catalogue } from "../src/i18n.js";
import { noteText, reasonText, said } from "../src/said.js";

const read = (language) => JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "..", "catalogs", `${language}.json`), "utf8"));
const speak = (language) => (catalogue.value = { language, locale: language, texts: read(language) });

test("a note is said in the reader's language, with the names and numbers in it", () => {
  speak("de");
  assert.equal(noteText("the sheet Prices (2024) is hidden; it was not read"), "Das Tabellenblatt Prices (2024) ist ausgeblendet; es wurde nicht gelesen.");
  assert.equal(noteText("page 3 holds text that it does not show (1200 characters); it was not read"), "Seite 3 enthält Text, den sie nicht zeigt (1.200 Zeichen); er wurde nicht gelesen.");
  assert.equal(noteText("the attached file a: b.pdf was not read: it is empty"), "Die angehängte Datei a: b.pdf wurde nicht gelesen: sie ist leer.");
  assert.match(noteText("the file contains 3 documents, which begin on pages 1, 2 and others; this is the first of them"), /1, 2 und anderen beginnen\. Dies ist das erste\.$/);
});

test("a note on an attached document keeps the document's name", () => {
  speak("de");
  assert.equal(noteText("offer.docx: the document holds hidden text (7 characters); it was not read"), "offer.docx: Das Dokument enthält verborgenen Text (7 Zeichen); er wurde nicht gelesen.");
});

test("a reason of several parts is said part by part, with the name of the service", () => {
  speak("de");
  assert.equal(reasonText("separated into 2 files; separator page 3 left out"), "In 2 Dateien aufgeteilt; Trennblatt auf Seite 3 weggelassen");
  assert.equal(reasonText("the object store did not answer: timed out"), "Der Objektspeicher hat nicht geantwortet: timed out");
  assert.equal(reasonText("ocr failed"), "OCR ist fehlgeschlagen");
});

test("a sentence without a text stays as the API wrote it", () => {
  speak("de");
  assert.equal(noteText("something new"), "something new");
  assert.equal(noteText("a.pdf: something new"), "a.pdf: something new");
  speak("en");
  assert.equal(noteText("the sheet a is hidden; it was not read"), "the sheet a is hidden; it was not read");
});

test("no sentence is found only because a name in it looks like one", () => {
  speak("de");
  const hostile = "the attached file {count} $& .* was not read";
  assert.equal(said("note.", hostile), "Die angehängte Datei {count} $& .* wurde nicht gelesen.");
});

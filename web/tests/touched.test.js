import assert from "node:assert/strict";
import test from "node:test";
import { endsOf, moved, nearest, wordsOf } from "../src/data/touched.js";

// Two lines of two words on a page of 100 by 200 pixels.
const size = { width: 100, height: 200 };
const word = (text, ...box) => ({ text, box, confidence: 99 });
const words = [word("Total", 0.1, 0.1, 0.3, 0.12), word("9.50", 0.4, 0.1, 0.6, 0.12), word("Thank", 0.1, 0.2, 0.3, 0.22), word("you", 0.4, 0.2, 0.5, 0.22)];
const text = (taken) => wordsOf(words, taken).map((one) => one.text).join(" ");

test("a finger beside a small word means the nearest one within reach", () => {
  assert.equal(nearest(words, { x: 45, y: 22 }, size, 24), 1);
  assert.equal(nearest(words, { x: 45, y: 29 }, size, 24), 1);
  assert.equal(nearest(words, { x: 45, y: 34 }, size, 24), 3);
  assert.equal(nearest(words, { x: 90, y: 150 }, size, 24), -1);
  assert.equal(nearest(words, { x: 90, y: 150 }, size), 3);
  assert.equal(nearest([], { x: 1, y: 1 }, size), -1);
});

test("words are taken in reading order, whichever end moved", () => {
  assert.equal(text({ page: 1, anchor: 1, head: 1 }), "9.50");
  assert.equal(text({ page: 1, anchor: 2, head: 0 }), "Total 9.50 Thank");
  assert.deepEqual(endsOf({ page: 1, anchor: 2, head: 0 }), { first: 0, last: 2 });
});

test("a handle moves its end and may pass the other one", () => {
  const taken = { page: 1, anchor: 2, head: 1 };
  assert.equal(text(moved(taken, "last", 3)), "9.50 Thank you");
  assert.equal(text(moved(taken, "first", 0)), "Total 9.50 Thank");
  assert.equal(text(moved(taken, "first", 3)), "Thank you");
});

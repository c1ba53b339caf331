import assert from "node:assert/strict";
import test from "node:test";
import { askedBy, isPlain, ofBatch, textsOf } from "../src/uploads/asked.js";
import { Engine } from "../src/uploads/engine.js";

const form = (change) => ({ labels: "", splits: false, separators: "PATCHT", firstPages: "", blankPages: "keep", ...change });

test("labels are typed with commas between them, each counts once", () => {
  assert.deepEqual(textsOf(" Munich office, 2024,, 2024 "), ["Munich office", "2024"]);
  assert.deepEqual(askedBy(form({ labels: "a, b" })), { labels: ["a", "b"] });
});

test("scans are split as the form says", () => {
  assert.deepEqual(askedBy(form({ splits: true, firstPages: "INV-*", blankPages: "drop" })), {
    separation: { separators: ["PATCHT"], first_pages: ["INV-*"], blank_pages: "drop" },
  });
  assert.deepEqual(askedBy(form({ splits: true, separators: "", blankPages: "separate" })), {
    separation: { separators: [], first_pages: [], blank_pages: "separate" },
  });
});

test("what the API would refuse is refused by the form", () => {
  assert.equal(askedBy(form({ labels: "x".repeat(101) })), "asked.wrong_labels");
  assert.equal(askedBy(form({ labels: Array.from({ length: 21 }, (_, number) => number).join() })), "asked.wrong_labels");
  assert.equal(askedBy(form({ splits: true, separators: " " })), "asked.no_separator");
  assert.equal(askedBy(form({ splits: true, separators: Array.from({ length: 21 }, (_, number) => number).join() })), "asked.too_many_texts");
});

test("a form that asks nothing changes no batch", () => {
  assert.ok(isPlain(/** @type {any} */ (askedBy(form({ blankPages: "drop" })))));
  assert.deepEqual(ofBatch({}), {});
});

test("a new batch has what is asked, and files that are added to it do not repeat it", async (t) => {
  t.mock.method(globalThis, "fetch", async () => new Response(""));
  const bodies = [];
  const upload = { method: "PUT", url: "http://store/x", headers: {}, expires_at: new Date(Date.now() + 3_600_000).toISOString() };
  const api = {
    create: async (_, { files, ...rest }) => {
      bodies.push(rest);
      return { id: "batch", files: files.map(({ name }) => ({ id: name, name, upload })) };
    },
  };
  const run = new Engine(api, "d", { labels: ["Munich"], separation: { blank_pages: "drop" } });
  const files = Array.from({ length: 60 }, (_, number) => ({ name: `${number}`, file: Object.assign(new Blob(["x"]), { lastModified: 1 }) }));
  await run.add(files);
  for (let turn = 0; turn < 400 && run.isActive; turn += 1) await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual(bodies, [{ labels: ["Munich"], separation: { blank_pages: "drop" } }, {}]);
});

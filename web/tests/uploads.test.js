import assert from "node:assert/strict";
import test from "node:test";
import { Problem, retryDelay } from "../src/api.js";
import { nextSize, refusals } from "../src/uploads/descriptions.js";
import { droppedFiles } from "../src/uploads/drop.js";
import { markOf } from "../src/uploads/memory.js";
import { isOutage } from "../src/uploads/outage.js";
import { Pace } from "../src/uploads/progress.js";
import { sorted } from "../src/uploads/resume.js";
import { isFresh, Refused, send, Unreachable } from "../src/uploads/transfer.js";

const picked = (name) => ({ name, file: { size: 1, lastModified: 2, name } });

test("calls that describe files grow, so that the first bytes are sent soon", () => {
  const sizes = [0];
  for (let call = 0; call < 5; call += 1) sizes.push(nextSize(sizes.at(-1)));
  assert.deepEqual(sizes.slice(1), [50, 200, 800, 1000, 1000]);
});

test("a refused description names its files", () => {
  const errors = [
    { pointer: "/files/3/size_bytes", detail: "too large" },
    { pointer: "/priority", detail: "unknown" },
  ];
  assert.deepEqual([...refusals(new Problem(413, { code: "too_large", errors }))], [[3, "too large"]]);
  assert.equal(refusals(new TypeError("no answer")).size, 0);
});

test("a file is recognised by path, size and time", () => {
  assert.equal(markOf({ name: "a/b.pdf", file: { size: 3, lastModified: 9 } }), "a/b.pdf|3|9");
});

test("after an interruption, files continue by what the server has of them", () => {
  const mine = ["sent", "begun", "removed", "new", "unanswered"].map((name) => ({
    picked: picked(name),
    before: ["new", "unanswered"].includes(name) ? null : { fileId: `id-${name}`, batchId: "b" },
  }));
  const listed = (name, state) => [`id-${name}`, { name, state, size: 1, batchId: "b" }];
  const files = new Map([listed("sent", "done"), listed("begun", "uploading"), listed("unanswered", "uploading"), listed("other", "uploading")]);
  const found = sorted(mine, files);
  assert.deepEqual(found.fresh.map(({ name }) => name), ["removed", "new"]);
  assert.deepEqual(found.begun.map(({ id }) => id), ["id-begun", "id-unanswered"]);
  assert.deepEqual(found.arrived.map(({ name }) => name), ["sent"]);
  assert.equal(found.batchId, "b");
});

test("two picked files never continue the same upload", () => {
  const mine = [picked("twin"), picked("twin")].map((one) => ({ picked: one, before: null }));
  const found = sorted(mine, new Map([["id", { name: "twin", state: "uploading", size: 1, batchId: "b" }]]));
  assert.equal(found.begun.length, 1);
  assert.equal(found.fresh.length, 1);
});

test("no forecast before there is something to measure, then by work, not by bytes alone", () => {
  const pace = new Pace();
  pace.add(0, 1, 0);
  assert.equal(pace.remaining(100, 1), null);
  pace.add(1_000_000, 9, 4000);
  const seconds = pace.remaining(1_000_000, 9);
  assert.ok(Math.abs(seconds - 4) < 0.1, String(seconds));
  pace.restart();
  assert.equal(pace.remaining(100, 1), null);
});

test("an upload URL that expires within a minute is renewed first", () => {
  const until = (ms) => ({ method: "PUT", url: "", headers: {}, expires_at: new Date(ms).toISOString() });
  assert.equal(isFresh(until(30_000), 0), false);
  assert.equal(isFresh(until(90_000), 0), true);
  assert.equal(isFresh(null), false);
});

test("outages are waited for, refusals are not", () => {
  assert.ok(isOutage(new TypeError("fetch failed")));
  assert.ok(isOutage(new Unreachable()));
  assert.ok(isOutage(new Problem(503, {})));
  assert.ok(!isOutage(new Problem(409, { code: "conflict" })));
  assert.ok(!isOutage(new Refused("store_400")));
});

test("a call is repeated after the time that the server asks for, and not for ever", () => {
  assert.equal(retryDelay(1, 400, null, 0), null);
  assert.equal(retryDelay(1, 429, "7", 0), 7);
  assert.equal(retryDelay(1, 503, "900", 0), 30);
  assert.equal(retryDelay(6, 503, null, 0), null);
});

/** Answers of the store, by turn. */
function store(t, ...statuses) {
  const seen = [];
  t.mock.method(globalThis, "fetch", async (url, options) => {
    seen.push({ url, ...options });
    return new Response("", { status: statuses.shift() ?? 200 });
  });
  return seen;
}

const instruction = {
  method: "PUT",
  url: "http://store/1",
  headers: { "Content-Length": "3", "If-None-Match": "*" },
  expires_at: new Date(Date.now() + 3_600_000).toISOString(),
};
const means = (api, onBytes = () => {}) => ({ api, onBytes, mayContinue: () => true });

test("headers that browsers refuse to set are left out", async (t) => {
  const seen = store(t, 200);
  let bytes = 0;
  await send({ id: "1", file: new Blob(["abc"]), instruction }, means({}, (more) => (bytes += more)));
  assert.deepEqual(seen[0].headers, { "If-None-Match": "*" });
  assert.equal(bytes, 3);
});

test("a second PUT of what has arrived counts as arrived", async (t) => {
  store(t, 412);
  await send({ id: "1", file: new Blob(["abc"]), instruction }, means({}));
});

test("an expired URL is renewed once", async (t) => {
  const seen = store(t, 403, 200);
  const api = { call: async () => ({ upload: { ...instruction, url: "http://store/2" } }) };
  await send({ id: "1", file: new Blob(["abc"]), instruction }, means(api));
  assert.deepEqual(seen.map(({ url }) => url), ["http://store/1", "http://store/2"]);
});

test("what the store refuses fails with its status", async (t) => {
  store(t, 400);
  await assert.rejects(send({ id: "1", file: new Blob(["abc"]), instruction }, means({})), /store_400/);
});

test("a large file continues with the parts that are missing, and is completed once", async (t) => {
  const seen = store(t);
  const calls = [];
  const api = {
    get: async () => ({ parts: [{ part_number: 1 }] }),
    post: async (path, body) => {
      calls.push([path, body]);
      return { parts: [{ url: `http://store/part-${body.part_numbers?.[0]}` }] };
    },
  };
  const parts = { method: "MULTIPART", part_size_bytes: 2, part_count: 3 };
  await send({ id: "1", file: new Blob(["abcde"]), instruction: parts }, means(api));
  assert.deepEqual(seen.map(({ url, body }) => [url, body.size]), [["http://store/part-2", 2], ["http://store/part-3", 1]]);
  assert.equal(calls.at(-1)[0], "/files/1/upload/complete");
});

test("a dropped folder is read until its reader returns nothing, with paths and without hidden files", async () => {
  const file = (name) => ({ name, isFile: true, file: (take) => take({ name, size: 1 }) });
  const folder = (name, ...portions) => ({
    name,
    isDirectory: true,
    createReader: () => ({ readEntries: (take) => take(portions.shift() ?? []) }),
  });
  const entry = folder("top", [file("1.pdf"), file(".DS_Store")], [folder("in", [file("2.pdf")])]);
  const { picked: found, folder: name } = await droppedFiles({ items: [{ kind: "file", webkitGetAsEntry: () => entry }] });
  assert.deepEqual(found.map((one) => one.name), ["top/1.pdf", "top/in/2.pdf"]);
  assert.equal(name, "top");
});

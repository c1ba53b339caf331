import assert from "node:assert/strict";
import test from "node:test";
import { Engine } from "../src/uploads/engine.js";

const later = () => new Date(Date.now() + 3_600_000).toISOString();
const instruction = (id) => ({ method: "PUT", url: `http://store/${id}`, headers: {}, expires_at: later() });
const file = (name) => ({ name, file: Object.assign(new Blob([name]), { name, lastModified: 1 }) });

/** An API whose batches take any file, and a store whose answers `answer` chooses. */
function world(t, answer = () => 200) {
  const calls = [];
  const sent = [];
  t.mock.method(globalThis, "fetch", async (url) => {
    sent.push(url);
    return new Response("", { status: answer(url, sent.length) });
  });
  let next = 0;
  const api = {
    create: async (path, body) => {
      calls.push([path, body]);
      const files = body.files.map(({ name }) =>
        name.startsWith("known")
          ? { id: null, name, state: "duplicate", duplicate_of: "x", upload: null }
          : { id: `f${(next += 1)}`, name, state: "uploading", upload: instruction(name) },
      );
      return { id: "batch", files };
    },
  };
  return { api, calls, sent };
}

const settled = async (run) => {
  for (let turn = 0; turn < 400 && run.isActive; turn += 1) await new Promise((done) => setTimeout(done, 5));
};

test("all files of a drop are described and sent, and further ones join the same batch", async (t) => {
  const { api, calls, sent } = world(t);
  const run = new Engine(api, "d");
  await run.add(Array.from({ length: 60 }, (_, index) => file(`${index}.txt`)));
  await settled(run);
  await run.add([file("later.txt")]);
  await settled(run);
  assert.equal(sent.length, 61);
  assert.equal(run.counts.arrived, 61);
  assert.deepEqual(calls.map(([path]) => path), ["/datasets/d/batches", "/batches/batch/files", "/batches/batch/files"]);
});

test("files that the dataset has are counted, not sent", async (t) => {
  const { api, sent } = world(t);
  const run = new Engine(api, "d");
  await run.add([file("known.txt"), file("new.txt")]);
  await settled(run);
  assert.deepEqual(sent, ["http://store/new.txt"]);
  assert.deepEqual(run.duplicates.map(({ name }) => name), ["known.txt"]);
});

test("a refused file is listed with its reason and can be retried", async (t) => {
  let isBad = true;
  const { api } = world(t, (url) => (url.includes("bad") && isBad ? 400 : 200));
  api.call = async () => ({ upload: instruction("bad.txt") });
  const run = new Engine(api, "d");
  await run.add([file("good.txt"), file("bad.txt")]);
  await settled(run);
  assert.deepEqual(run.failures.map(({ picked, reason }) => [picked.name, reason]), [["bad.txt", "store_400"]]);
  assert.equal(run.counts.bytesSent, "good.txt".length);
  isBad = false;
  run.retry();
  await settled(run);
  assert.equal(run.failures.length, 0);
  assert.equal(run.counts.arrived, 2);
});

test("a paused upload sends nothing until it is resumed", async (t) => {
  const { api, sent } = world(t);
  const run = new Engine(api, "d");
  run.pause();
  await run.add([file("one.txt")]);
  await new Promise((done) => setTimeout(done, 20));
  assert.equal(sent.length, 0);
  run.resume();
  await settled(run);
  assert.equal(sent.length, 1);
});

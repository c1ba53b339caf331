import assert from "node:assert/strict";
import test from "node:test";
import { Client, isSettled, Problem } from "../src/index.js";

const STORE = "http://store.test/";
const later = () => new Date(Date.now() + 3_600_000).toISOString();
const upload = (id) => ({ method: "PUT", url: STORE + id, headers: {}, expires_at: later() });
const file = (name, text = name) => new File([text], name, { lastModified: 1 });

/** A Fairway in memory. `answers` has responses, or functions of the request, by method and path. */
function fairway(t, answers = {}) {
  const calls = [];
  const objects = new Map();
  t.mock.method(globalThis, "fetch", async (url, { method = "GET", body, headers = {} } = {}) => {
    if (url.startsWith(STORE) && method === "PUT") {
      objects.set(url.slice(STORE.length), await new Response(body).text());
      return new Response("");
    }
    const { pathname, search } = new URL(url);
    const sent = body ? JSON.parse(body) : undefined;
    calls.push({ method, path: pathname + search, body: sent, headers });
    const found = answers[`${method} ${pathname}`];
    const answer = typeof found === "function" ? found(sent, search) : found;
    if (answer === undefined) return Response.json({ code: "not_found", detail: "there is no such path" }, { status: 404 });
    return answer instanceof Response ? answer : Response.json(answer);
  });
  return { client: new Client("http://fairway.test/", "fw_test"), calls, objects };
}

const batches = (prefix = "") => ({
  "POST /datasets/d/batches": ({ files }) => ({
    id: "b",
    files: files.map(({ name }) =>
      name.startsWith("known")
        ? { id: null, name, state: "duplicate", duplicate_of: "x", upload: null }
        : { id: name, name, state: "uploading", upload: upload(prefix + name) },
    ),
  }),
});

test("files are uploaded with their content, and what the dataset has is named", async (t) => {
  const { client, calls, objects } = fairway(t, batches());
  const seen = [];
  const result = await client.upload("d", [file("a.txt", "content"), file("b.txt"), file("known.txt")], {
    onProgress: ({ arrived, files }) => seen.push([arrived, files]),
  });
  assert.deepEqual(result, { batchId: "b", arrived: 2, duplicates: ["known.txt"], failures: [] });
  assert.deepEqual([...objects.keys()].sort(), ["a.txt", "b.txt"]);
  assert.equal(objects.get("a.txt"), "content");
  assert.equal(calls[0].body.files[0].sha256.length, 64);
  assert.equal(calls[0].headers.Authorization, "Bearer fw_test");
  assert.ok(calls[0].headers["Idempotency-Key"]);
  assert.deepEqual(seen.at(-1), [2, 3]);
});

test("an upload of nothing, or of known files only, ends", async (t) => {
  const { client } = fairway(t, batches());
  assert.equal((await client.upload("d", [])).arrived, 0);
  assert.deepEqual((await client.upload("d", [file("known.txt")])).duplicates, ["known.txt"]);
});

test("a file that the store refuses is named with its reason, and the others arrive", async (t) => {
  const { client } = fairway(t, batches());
  const real = globalThis.fetch;
  t.mock.method(globalThis, "fetch", (url, options) =>
    url === `${STORE}bad.txt` ? Promise.resolve(new Response("", { status: 400 })) : real(url, options),
  );
  const result = await client.upload("d", [file("bad.txt"), file("good.txt")]);
  assert.deepEqual(result.failures, [{ name: "bad.txt", reason: "store_400" }]);
  assert.equal(result.arrived, 1);
});

test("what stops the whole upload is thrown as the API's problem", async (t) => {
  const forbidden = () => Response.json({ code: "forbidden", detail: "your key may not" }, { status: 403 });
  const { client } = fairway(t, { "POST /datasets/d/batches": forbidden });
  await assert.rejects(client.upload("d", [file("a.txt")]), (error) => error instanceof Problem && error.code === "forbidden");
});

test("an aborted upload ends with the reason of its signal", async (t) => {
  const { client } = fairway(t, batches());
  await assert.rejects(client.upload("d", [file("a.txt")], { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  const controller = new AbortController();
  const running = client.upload("d", [file("a.txt")], { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
});

test("a dataset is found by its name on any page, or created", async (t) => {
  const { client, calls } = fairway(t, {
    "GET /datasets": (_, search) =>
      search ? { datasets: [{ id: "2", name: "Two" }], next_cursor: null } : { datasets: [{ id: "1", name: "One" }], next_cursor: "c" },
    "POST /datasets": ({ name }) => ({ id: "new", name }),
  });
  assert.equal((await client.dataset("Two")).id, "2");
  assert.equal((await client.dataset("Three")).id, "new");
  assert.deepEqual(calls.at(-1).body, { name: "Three" });
});

test("a batch is followed until all pipelines of its files have ended", async (t) => {
  const shown = (state, preview) => ({ id: "f", batch_id: "b", dataset_id: "d", state, pipelines: { main: { state }, preview: { state: preview } } });
  const changes = [shown("processing", "running"), shown("done", "running"), { id: "x", batch_id: "other" }, shown("done", "done")];
  const { client } = fairway(t, {
    "GET /datasets/d": { routing: {} },
    "GET /datasets/d/files": { files: [shown("uploading", "waiting")], next_cursor: null, changes_cursor: "0" },
    "GET /datasets/d/changes": () => ({ files: [changes.shift()], removed: [], cursor: "1", has_more: false }),
  });
  const states = [];
  for await (const files of client.follow("d", "b")) states.push(files.map(({ state }) => state).join());
  assert.deepEqual(states, ["uploading", "processing", "done", "done", "done"]);
});

test("a file that a rule sends to another dataset is followed there", async (t) => {
  const shown = (id, state, dataset_id) => ({ id, batch_id: "b", dataset_id, state, pipelines: { main: { state } } });
  const states = ["processing", "done"];
  const { client, calls } = fairway(t, {
    "GET /datasets/d": { routing: { receipt: "r", invoice: "gone" } },
    "GET /datasets/d/files": { files: [shown("f", "processing", "d")], next_cursor: null, changes_cursor: "0" },
    "GET /datasets/r/files": { files: [shown("g", "done", "r")], next_cursor: null },
    "GET /datasets/d/changes": { files: [], removed: ["f"], cursor: "1", has_more: false, poll_after_s: 0.001 },
    "GET /files/f": () => shown("f", states.shift(), "r"),
  });
  const seen = [];
  for await (const files of client.follow("d", "b")) seen.push(files.map(({ id, state }) => `${id} ${state}`).join());
  assert.deepEqual(seen, ["f processing,g done", "f processing,g done", "f done,g done"]);
  assert.ok(calls.some(({ path }) => path.includes("wait_s=1")));
});

test("files are routed and moved, and a move is undone", async (t) => {
  const { client, calls } = fairway(t, {
    "PUT /datasets/d": { id: "d" },
    "GET /datasets/d/routing": { rules: {} },
    "POST /datasets/d/moves": { id: "m", count: 1, not_moved: [] },
    "POST /moves/m/undo": { id: "m", count: 1, not_moved: [] },
  });
  await client.setRouting("d", { receipt: "Receipts" });
  assert.deepEqual(calls.at(-1).body, { routing: { receipt: "Receipts" } });
  assert.deepEqual(await client.routing("d"), { rules: {} });
  assert.equal((await client.move("d", ["f"], "r")).id, "m");
  assert.deepEqual(calls.at(-1).body, { to: "r", file_ids: ["f"] });
  assert.equal((await client.undoMove("m")).count, 1);
});

test("records come from all pages, and an export is the file that its URL leads to", async (t) => {
  const states = ["running", "done"];
  const { client } = fairway(t, {
    "GET /datasets/d/records": (_, search) =>
      search.includes("cursor") ? { records: [2], next_cursor: null } : { records: [1], next_cursor: "c" },
    "POST /datasets/d/exports": { id: "e", state: "waiting" },
    "GET /exports/e": () => ({ id: "e", state: states.shift(), url: "http://fairway.test/file" }),
    "GET /file": () => new Response("a,b"),
  });
  const records = [];
  for await (const record of client.records("d")) records.push(record);
  assert.deepEqual(records, [1, 2]);
  assert.equal(await (await client.export("d", "csv")).text(), "a,b");
});

test("originals are exported with a template of names, and a failed export throws its reason", async (t) => {
  const ends = [{ state: "done", archives: [{ name: "originals-0001.zip" }] }, { state: "failed", error: { detail: "too large" } }];
  const { client, calls } = fairway(t, {
    "POST /datasets/d/exports": { id: "e", state: "waiting" },
    "GET /exports/e": () => ({ id: "e", ...ends.shift() }),
  });
  assert.equal((await client.exportOriginals("d", "{company}")).archives[0].name, "originals-0001.zip");
  assert.deepEqual(calls.find(({ body }) => body?.format)?.body, { format: "zip", names: "{company}" });
  await assert.rejects(client.exportOriginals("d"), /too large/);
});

test("a file is settled when its state is final and no pipeline is busy", () => {
  const made = (state, preview) => ({ state, pipelines: { main: { state }, preview: { state: preview } } });
  assert.equal(isSettled(made("done", "running")), false);
  assert.equal(isSettled(made("failed", "skipped")), true);
  assert.equal(isSettled(made("processing", "done")), false);
});

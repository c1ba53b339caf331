import assert from "node:assert/strict";
import http from "node:http";
import test from "node:test";
import { Api, Late, limited } from "../src/api.js";

/** An API that answers as `respond` says, and the calls that it has had. @param {(request: any, response: any) => void} respond */
async function listening(respond) {
  const server = http.createServer(respond);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { server, api: new Api(`http://127.0.0.1:${server.address().port}`, "key") };
}

test("an answer that breaks off is requested again", async () => {
  let calls = 0;
  const { server, api } = await listening((request, response) => {
    calls += 1;
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 9 });
    if (calls > 1) return response.end('{"a": 12}');
    response.write('{"a"');
    setTimeout(() => response.destroy(), 20);
  });
  assert.deepEqual(await api.get("/x"), { a: 12 });
  assert.equal(calls, 2);
  server.close();
});

test("a call without an answer is noted as late until it has one", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const answers = [];
  const { server, api } = await listening((request, response) => answers.push(response));
  const noted = [];
  api.onLate = (isLate) => noted.push(isLate);
  const calls = ["/x", "/y"].map((path) => api.get(path));
  while (answers.length < 2) await new Promise(setImmediate);
  context.mock.timers.tick(5_000);
  assert.deepEqual(noted, [true]);
  for (const response of answers) response.end("{}");
  await Promise.all(calls);
  assert.deepEqual(noted, [true, false]);
  server.close();
});

test("a held call is late only after the time for which the API may hold it", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const answers = [];
  const { server, api } = await listening((request, response) => answers.push(response));
  const noted = [];
  api.onLate = (isLate) => noted.push(isLate);
  const call = api.call("GET", "/changes", undefined, { once: true, heldMs: 20_000 });
  while (answers.length < 1) await new Promise(setImmediate);
  context.mock.timers.tick(20_000);
  assert.deepEqual(noted, []);
  answers[0].end("{}");
  await call;
  server.close();
});

test("a call that takes too long ends, and so does its body", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, api } = await listening((request, response) => {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.write("{");
  });
  const call = api.call("GET", "/x", undefined, { once: true });
  const ended = assert.rejects(call, Late);
  for (let round = 0; round < 200; round += 1) await new Promise(setImmediate);
  context.mock.timers.tick(60_000);
  await ended;
  server.closeAllConnections();
  server.close();
});

test("a limit ends with the signal of the caller too", () => {
  const ending = new AbortController();
  const { signal, end } = limited(1000, ending.signal);
  ending.abort();
  assert.equal(signal.aborted, true);
  end();
});

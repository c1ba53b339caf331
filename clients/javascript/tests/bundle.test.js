import assert from "node:assert/strict";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { bundle } from "../bundle.js";

test("the published package has copies of all its modules and works alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fairway-client-"));
  try {
    await bundle(folder);
    const files = await readdir(folder, { recursive: true });
    assert.ok(files.includes(join("src", "uploads", "engine.js")));
    assert.ok(!files.includes(join("src", "uploads", "drop.js")), "what only the page needs is left out");
    for (const file of files) assert.ok(!(await lstat(join(folder, file))).isSymbolicLink(), file);
    const { Client } = await import(join(folder, "src", "index.js"));
    assert.equal(new Client("http://fairway.test/", "k").api.base, "http://fairway.test");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the client imports nothing but its own modules", async () => {
  const { modulesOf } = await import("../bundle.js");
  const { readFile } = await import("node:fs/promises");
  for (const name of await modulesOf("src/index.js")) {
    const text = await readFile(new URL(`../${name}`, import.meta.url), "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export|\}).* from "([^"]+)";/gm)) assert.match(from, /^\.{1,2}\//, `${name}: ${from}`);
  }
});

// @ts-check
/** Finds out which picked files an earlier, interrupted upload has begun, and which of them have arrived. */
import { pause, query } from "../api.js";
import { begun, markOf } from "./memory.js";

/** @typedef {import("./drop.js").Picked} Picked */
/** @typedef {{state: string, name: string, size: number, batchId: string}} Listed */

const PAGE_FILES = 1000;
/** So many files are compared at once: a hundred thousand would stop the page for a while. */
const COMPARED_AT_ONCE = 2000;
const NOT_ARRIVED = new Set(["uploading", "upload_missing"]);

/**
 * @param {import("../api.js").Api} api @param {string} datasetId @param {Picked[]} picked
 * @returns {Promise<{fresh: Picked[], begun: {picked: Picked, id: string}[], arrived: Picked[], batchId: string | null}>}
 */
export async function sortOut(api, datasetId, picked) {
  const known = await begun(datasetId);
  if (known.size === 0) return { fresh: picked, begun: [], arrived: [], batchId: null };
  const mine = picked.map((one) => ({ picked: one, before: known.get(markOf(one)) ?? null }));
  const batches = new Set(mine.flatMap(({ before }) => (before ? [before.batchId] : [])));
  /** @type {Map<string, Listed>} */
  const files = new Map();
  for (const batchId of batches) await readFiles(api, datasetId, batchId, files);
  const unclaimed = unclaimedOf(mine, files);
  const all = sorted([], files, unclaimed);
  for (let at = 0; at < mine.length; at += COMPARED_AT_ONCE) {
    const some = sorted(mine.slice(at, at + COMPARED_AT_ONCE), files, unclaimed);
    for (const name of /** @type {const} */ (["fresh", "begun", "arrived"])) for (const one of some[name]) all[name].push(/** @type {any} */ (one));
    all.batchId = some.batchId ?? all.batchId;
    await pause(0);
  }
  return all;
}

/**
 * @param {{picked: Picked, before: {fileId: string, batchId: string} | null}[]} mine
 * @param {Map<string, Listed>} files the files of the begun batches that still exist
 * @param {Map<string, string[]>} unclaimed those of them that no picked file claims; each is taken once
 */
export function sorted(mine, files, unclaimed = unclaimedOf(mine, files)) {
  /** @type {Picked[]} */ const fresh = [];
  /** @type {{picked: Picked, id: string}[]} */ const continued = [];
  /** @type {Picked[]} */ const arrived = [];
  let batchId = null;
  for (const { picked, before } of mine) {
    const known = before ? files.get(before.fileId) : undefined;
    const id = known ? before?.fileId : unclaimed.get(likenessOf(picked.name, picked.file.size))?.pop();
    const file = known ?? files.get(id ?? "");
    if (!id || !file) fresh.push(picked);
    else if (NOT_ARRIVED.has(file.state)) {
      continued.push({ picked, id });
      batchId = file.batchId;
    } else arrived.push(picked);
  }
  return { fresh, begun: continued, arrived, batchId };
}

/**
 * Files that wait for their bytes, and of which this browser knows nothing: the tab was closed before it had the answer.
 * @param {{before: {fileId: string} | null}[]} mine @param {Map<string, Listed>} files
 */
function unclaimedOf(mine, files) {
  const claimed = new Set(mine.map(({ before }) => before?.fileId));
  /** @type {Map<string, string[]>} */
  const found = new Map();
  for (const [id, file] of files) {
    if (claimed.has(id) || !NOT_ARRIVED.has(file.state)) continue;
    const likeness = likenessOf(file.name, file.size);
    found.set(likeness, [...(found.get(likeness) ?? []), id]);
  }
  return found;
}

/** @param {string} name @param {number} size */
const likenessOf = (name, size) => `${size}|${name}`;

/** @param {import("../api.js").Api} api @param {string} datasetId @param {string} batch @param {Map<string, Listed>} files */
async function readFiles(api, datasetId, batch, files) {
  let cursor = null;
  do {
    const path = `/datasets/${datasetId}/files${query({ view: "row", batch, limit: PAGE_FILES, cursor })}`;
    const page = await api.get(path);
    for (const { id, state, name, size_bytes: size } of page.files) files.set(id, { state, name, size, batchId: batch });
    cursor = page.next_cursor;
  } while (cursor);
}

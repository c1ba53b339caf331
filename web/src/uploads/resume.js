// @ts-check
/** Finds out which picked files an earlier, interrupted upload has begun, and which of them have arrived. */
import { query } from "../api.js";
import { begun, markOf } from "./memory.js";

/** @typedef {import("./drop.js").Picked} Picked */
/** @typedef {{state: string, name: string, size: number, batchId: string}} Listed */

const PAGE_FILES = 1000;
const NOT_ARRIVED = new Set(["uploading", "upload_missing"]);

/**
 * @param {import("../api.js").Api} api @param {string} datasetId @param {Picked[]} picked
 * @returns {Promise<{fresh: Picked[], begun: {picked: Picked, id: string}[], arrived: Picked[], batchId: string | null}>}
 */
export async function sortOut(api, datasetId, picked) {
  const known = await begun(datasetId);
  const mine = picked.map((one) => ({ picked: one, before: known.get(markOf(one)) ?? null }));
  const batches = new Set(mine.flatMap(({ before }) => (before ? [before.batchId] : [])));
  /** @type {Map<string, Listed>} */
  const files = new Map();
  for (const batchId of batches) await readFiles(api, datasetId, batchId, files);
  return sorted(mine, files);
}

/**
 * @param {{picked: Picked, before: {fileId: string, batchId: string} | null}[]} mine
 * @param {Map<string, Listed>} files the files of the begun batches that still exist
 */
export function sorted(mine, files) {
  const unclaimed = unclaimedOf(mine, files);
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

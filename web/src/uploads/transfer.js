// @ts-check
/** Sends the bytes of one file to the object store, in one request or in parts. */
import { limited, pause, Problem } from "../api.js";

const ATTEMPTS = 4;
const RENEW_BEFORE_MS = 60_000;
/** A request that sends fewer bytes than this in a millisecond is ended, and tried again. */
const LEAST_BYTES_A_MS = 5;
const LONGEST_MS = 60_000;
/** Browsers set these headers themselves and refuse to have them set. */
const SET_BY_BROWSER = new Set(["content-length", "host"]);

/** An error that another attempt will not mend. */
export class Refused extends Error {}
/** The store or the API cannot be reached. */
export class Unreachable extends Error {}
/** The upload was paused between two parts. */
export class Paused extends Error {}

/**
 * @typedef {{method: "PUT", url: string, headers: Record<string, string>, expires_at: string}
 *   | {method: "MULTIPART", part_size_bytes: number, part_count: number}} Instruction
 * @typedef {{file: File, bytes?: ArrayBuffer | null, id: string, instruction: Instruction | null}} Transfer
 * @typedef {{api: import("../api.js").Api, onBytes: (bytes: number) => void, mayContinue: () => boolean}} Means
 */

/**
 * Send a file. Resolves once the store has it.
 * @param {Transfer} transfer @param {Means} means
 */
export async function send(transfer, means) {
  if (!isFresh(transfer.instruction)) {
    const renewed = await renew(transfer.id, means);
    if (renewed === null) return means.onBytes(transfer.file.size); // it has arrived
    transfer.instruction = renewed;
  }
  const instruction = /** @type {Instruction} */ (transfer.instruction);
  if (instruction.method === "MULTIPART") return sendParts(transfer, instruction, means);
  const body = transfer.bytes ?? transfer.file;
  const response = await put(instruction.url, instruction.headers, body);
  if (response.status === 403) {
    transfer.instruction = null; // the URL has expired while the tab slept
    const renewed = await renew(transfer.id, means);
    if (renewed?.method === "PUT") check(await put(renewed.url, renewed.headers, body));
  } else {
    check(response);
  }
  means.onBytes(transfer.file.size);
}

/** @param {Instruction | null} instruction */
export function isFresh(instruction, now = Date.now()) {
  if (!instruction) return false;
  return instruction.method === "MULTIPART" || Date.parse(instruction.expires_at) - now > RENEW_BEFORE_MS;
}

/** A new instruction, or null where the file has arrived. @param {string} id @param {Means} means */
async function renew(id, { api }) {
  try {
    const body = await api.call("POST", `/files/${id}/upload`);
    return /** @type {Instruction} */ (body.upload);
  } catch (error) {
    if (error instanceof Problem && error.code === "conflict") return null;
    throw error;
  }
}

/**
 * @param {Transfer} transfer
 * @param {{part_size_bytes: number, part_count: number}} instruction
 * @param {Means} means
 */
async function sendParts({ file, id }, { part_size_bytes: size, part_count: count }, means) {
  const path = `/files/${id}/upload`;
  const { parts: arrived } = await means.api.get(`${path}/parts`);
  const known = new Set(arrived.map((/** @type {any} */ part) => part.part_number));
  for (let number = 1; number <= count; number += 1) {
    const part = file.slice((number - 1) * size, number * size);
    if (!known.has(number)) {
      if (!means.mayContinue()) throw new Paused();
      const { parts } = await means.api.post(`${path}/parts`, { part_numbers: [number] });
      check(await put(parts[0].url, {}, part));
    }
    means.onBytes(part.size);
  }
  await means.api.post(`${path}/complete`, {});
}

/** @param {string} url @param {Record<string, string>} headers @param {Blob | ArrayBuffer} body */
async function put(url, headers, body) {
  const own = Object.fromEntries(Object.entries(headers).filter(([name]) => !SET_BY_BROWSER.has(name.toLowerCase())));
  for (let attempt = 1; ; attempt += 1) {
    const limit = limited(LONGEST_MS + ("size" in body ? body.size : body.byteLength) / LEAST_BYTES_A_MS);
    try {
      const response = await fetch(url, { method: "PUT", headers: own, body, signal: limit.signal });
      if (response.status < 500 && response.status !== 429) return response;
    } catch (error) {
      if ("size" in body) await assertReadable(body);
    } finally {
      limit.end();
    }
    if (attempt === ATTEMPTS) throw new Unreachable();
    await pause(300 * 2 ** attempt * (0.5 + Math.random()));
  }
}

/** A file that was changed or deleted since it was picked fails like a lost connection; only reading it tells them apart. @param {Blob} body */
async function assertReadable(body) {
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch {
    throw new Refused("file_changed");
  }
}

/** @param {Response} response */
function check(response) {
  // 412: an earlier attempt had arrived, and nothing is overwritten.
  if (!response.ok && response.status !== 412) throw new Refused(`store_${response.status}`);
}

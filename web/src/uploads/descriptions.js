// @ts-check
/** Describes picked files to the API, in calls of growing size, so that the first bytes are sent soon. */
import { Problem } from "../api.js";
import { bytesOf, sha256 } from "./digest.js";

/** @typedef {import("./drop.js").Picked} Picked */
/** @typedef {{picked: Picked, id: string | null, state: string, duplicateOf: string | null, upload: any}} Described */

const FIRST_CALL = 50;
const LARGEST_CALL = 1000;
const READ_AT_ONCE = 4;
/** Of files up to this size, the bytes are kept until they are sent. */
const KEPT_BYTES = 16 * 1024;

/** The number of files in the call after one of this size; 0 before the first. @param {number} last */
export const nextSize = (last) => (last === 0 ? FIRST_CALL : Math.min(LARGEST_CALL, last * 4));

/**
 * What the API is told of each file.
 * @param {Picked[]} picked
 * @returns {Promise<{name: string, size_bytes: number, media_type?: string, sha256?: string}[]>}
 */
export async function describe(picked) {
  /** @type {any[]} */
  const described = new Array(picked.length);
  let next = 0;
  const worker = async () => {
    while (next < picked.length) {
      const index = next++;
      const { file, name } = picked[index];
      const bytes = await bytesOf(file);
      const digest = await sha256(bytes);
      // A browser sends bytes with less work than a file, which it would read a second time.
      if (bytes && bytes.byteLength <= KEPT_BYTES) picked[index].bytes = bytes;
      described[index] = {
        name,
        size_bytes: file.size,
        ...(file.type ? { media_type: file.type } : {}),
        ...(digest ? { sha256: digest } : {}),
      };
    }
  };
  // Each holds a whole file in memory.
  await Promise.all(Array.from({ length: READ_AT_ONCE }, worker));
  return described;
}

/**
 * The files that an answer refuses, with the reason of each, by their index; empty if it refuses the whole call.
 * @param {unknown} error
 * @returns {Map<number, string>}
 */
export function refusals(error) {
  const found = new Map();
  if (!(error instanceof Problem)) return found;
  for (const { pointer, detail } of error.errors) {
    const index = /^\/files\/(\d+)(\/|$)/.exec(pointer)?.[1];
    if (index !== undefined) found.set(Number(index), detail);
  }
  return found;
}

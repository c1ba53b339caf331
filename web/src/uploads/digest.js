// @ts-check
/** SHA-256 of files, by which the API recognises what a dataset already has. */

/** Larger files are sent without a digest: the browser can only compute it of the whole content in memory. */
export const LARGEST_BYTES = 16 * 1024 * 1024;

/** The content of a file, or null if it is too large to be held. @param {Blob} file @returns {Promise<ArrayBuffer | null>} */
export async function bytesOf(file) {
  if (file.size > LARGEST_BYTES) return null;
  try {
    return await file.arrayBuffer();
  } catch {
    return null; // a file that cannot be read fails when it is sent, with a reason
  }
}

/** @param {ArrayBuffer | null} bytes @returns {Promise<string | null>} null where there is none */
export async function sha256(bytes) {
  if (!bytes || !globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

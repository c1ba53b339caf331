// @ts-check
/** SHA-256 of files, by which the API recognises what a dataset already has. */

/** Larger files are sent without a digest: the browser can only compute it of the whole content in memory. */
export const LARGEST_BYTES = 16 * 1024 * 1024;

/** @param {Blob} file @returns {Promise<string | null>} null where there is none */
export async function sha256(file) {
  if (file.size > LARGEST_BYTES || !globalThis.crypto?.subtle) return null;
  try {
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return null; // a file that cannot be read fails when it is sent, with a reason
  }
}

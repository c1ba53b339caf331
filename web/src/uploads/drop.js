// @ts-check
/** The files of a drop or a file dialog, folders included, each with its path. */

/** @typedef {{file: File, name: string, bytes?: ArrayBuffer | null}} Picked `bytes`: those of a small file that was read and not sent */

const YIELD_EVERY = 200;

/** Whether a drag brings files. @param {DataTransfer | null} transfer */
export const bringsFiles = (transfer) => Boolean(transfer && [...transfer.types].includes("Files"));

/**
 * All files of a drop. The entries must be taken while the event is handled; reading them may take longer.
 * @param {DataTransfer} transfer
 * @param {(count: number) => void} [onCount]
 * @returns {Promise<{picked: Picked[], folder: string | null}>}
 */
export async function droppedFiles(transfer, onCount = () => {}) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  const loose = items.map((item, index) => (entries[index] ? null : item.getAsFile()));
  /** @type {Picked[]} */
  const picked = [];
  for (const file of loose) if (file) picked.push({ file, name: file.name });
  for (const entry of entries) if (entry) await walk(entry, "", picked, onCount);
  const folders = entries.filter((entry) => entry?.isDirectory);
  return { picked, folder: folders.length === 1 ? /** @type {FileSystemEntry} */ (folders[0]).name : null };
}

/** @param {FileSystemEntry} entry @param {string} path @param {Picked[]} picked @param {(count: number) => void} onCount */
async function walk(entry, path, picked, onCount) {
  if (entry.name.startsWith(".")) return; // .DS_Store and the like
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    picked.push({ file, name: path + entry.name });
    if (picked.length % YIELD_EVERY === 0) onCount(picked.length);
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    // A reader returns a folder's entries in several portions, and nothing at its end.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const inner of some) await walk(inner, `${path}${entry.name}/`, picked, onCount);
  }
}

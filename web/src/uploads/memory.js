// @ts-check
/** What this browser has begun to upload, so that an upload can continue after its tab was closed. */

const DATABASE = "fairway-uploads";
const STORE = "files";
/** So many are read or written at once: a transaction of ten thousand would stop the page for a while. */
const READ_AT_ONCE = 1000;
const WRITTEN_AT_ONCE = 200;
const KEPT_MS = 7 * 24 * 3600 * 1000;

/** @typedef {{dataset: string, mark: string, fileId: string, batchId: string, at: number}} Begun */

/**
 * The name by which a picked file is recognised when it is dropped again.
 * @param {{name: string, file: {size: number, lastModified: number}}} picked
 */
export const markOf = ({ name, file }) => `${name}|${file.size}|${file.lastModified}`;

/** @returns {Promise<IDBDatabase | null>} null where the browser keeps nothing, as in some private windows */
function database() {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => {
        const store = request.result.createObjectStore(STORE, { keyPath: ["dataset", "mark"] });
        store.createIndex("dataset", "dataset");
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answered = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {(store: IDBObjectStore) => unknown} write */
async function change(write) {
  const opened = await database();
  if (!opened) return;
  await new Promise((resolve) => {
    const transaction = opened.transaction(STORE, "readwrite");
    write(transaction.objectStore(STORE));
    transaction.oncomplete = resolve;
    transaction.onerror = resolve;
    transaction.onabort = resolve;
  });
  opened.close();
}

/** The begun files of a dataset by mark. @param {string} dataset @returns {Promise<Map<string, Begun>>} */
export async function begun(dataset) {
  const opened = await database();
  if (!opened) return new Map();
  /** @type {Map<string, Begun>} */
  const found = new Map();
  let last = "";
  try {
    for (let isLast = false; !isLast; ) {
      // A list comes after all texts, so this range ends with the dataset's last mark.
      const range = IDBKeyRange.bound([dataset, last], [dataset, []], true);
      const some = await answered(opened.transaction(STORE).objectStore(STORE).getAll(range, READ_AT_ONCE));
      for (const one of some) if (Date.now() - one.at < KEPT_MS) found.set(one.mark, one);
      isLast = some.length < READ_AT_ONCE;
      last = some.at(-1)?.mark ?? last;
    }
  } catch {
    // what cannot be read is uploaded again, and recognised by the server
  }
  opened.close();
  return found;
}

/** @param {Begun[]} files */
export const remember = (files) => changeEach(files, (store, file) => store.put(file));

/** @param {Begun[]} files @param {(store: IDBObjectStore, file: Begun) => unknown} write */
async function changeEach(files, write) {
  for (let at = 0; at < files.length; at += WRITTEN_AT_ONCE) {
    const some = files.slice(at, at + WRITTEN_AT_ONCE);
    await change((store) => some.forEach((file) => write(store, file)));
  }
}

/** Forget the files of a batch. @param {string} dataset @param {string} batchId */
export async function forget(dataset, batchId) {
  const files = await begun(dataset);
  const done = [...files.values()].filter((file) => file.batchId === batchId);
  await changeEach(done, (store, file) => store.delete([dataset, file.mark]));
}

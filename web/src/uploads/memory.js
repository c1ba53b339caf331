// @ts-check
/** What this browser has begun to upload, so that an upload can continue after its tab was closed. */

const DATABASE = "fairway-uploads";
const STORE = "files";
const AT_ONCE = 200;
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
  const store = opened.transaction(STORE).objectStore(STORE);
  const all = await answered(store.index("dataset").getAll(dataset)).catch(() => []);
  opened.close();
  const fresh = all.filter((/** @type {Begun} */ one) => Date.now() - one.at < KEPT_MS);
  return new Map(fresh.map((/** @type {Begun} */ one) => [one.mark, one]));
}

/** @param {Begun[]} files */
export async function remember(files) {
  // In portions, so that the page does not stand still.
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const some = files.slice(at, at + AT_ONCE);
    await change((store) => some.forEach((file) => store.put(file)));
  }
}

/** Forget the files of a batch. @param {string} dataset @param {string} batchId */
export async function forget(dataset, batchId) {
  const files = await begun(dataset);
  const done = [...files.values()].filter((file) => file.batchId === batchId);
  await change((store) => done.forEach((file) => store.delete([dataset, file.mark])));
}

// @ts-check
/**
 * A client of Fairway's HTTP API for browsers and Node.js.
 *
 * Uploads run on the engine of Fairway's own page: files are described in growing portions, sent side by side, large ones
 * in parts, and outages are waited for. In a browser an interrupted upload continues when the same files are given again.
 */
import { Api, pause, Problem, query } from "./api.js";
import { Engine } from "./uploads/engine.js";

export { Problem };

/**
 * @typedef {{files: number, arrived: number, bytes: number, bytesSent: number, duplicates: number, failures: number,
 *   remainingS: number | null, isOffline: boolean}} Progress
 * @typedef {{batchId: string | null, arrived: number, duplicates: string[], failures: {name: string, reason: string}[]}} Uploaded
 * @typedef {{onProgress?: (progress: Progress) => void, allowDuplicates?: boolean, labels?: string[],
 *   separation?: import("./uploads/asked.js").Separation | null, signal?: AbortSignal}} UploadOptions
 * @typedef {Record<string, any>} Json a response of the API, as docs/api.md describes it
 */

const EXPORT_POLL_MS = 200;
const CHANGES_WAIT_S = 20;
const NOT_SETTLED = new Set(["uploading", "processing"]);
const BUSY = new Set(["waiting", "running", "parked"]);

export class Client {
  /** @param {string} apiUrl @param {string} apiKey */
  constructor(apiUrl, apiKey) {
    this.api = new Api(apiUrl.replace(/\/$/, ""), apiKey);
  }

  /**
   * A client with the key of a session, in exchange for a one-time code. Throws Problem.
   * @param {string} apiUrl @param {string} code
   */
  static async fromCode(apiUrl, code) {
    const session = await new Client(apiUrl, "").api.call("POST", "/sessions/exchange", { code }, { once: true });
    return new Client(apiUrl, session.api_key);
  }

  /**
   * Any other call of the API. Throws Problem, or TypeError if there is no answer.
   * @param {string} method @param {string} path @param {any} [body] @returns {Promise<any>}
   */
  call(method, path, body) {
    return method === "POST" ? this.api.create(path, body ?? {}) : this.api.call(method, path, body);
  }

  /**
   * The newest dataset with this name; it is created if there is none.
   * @param {string} name @param {Json} [schema] @returns {Promise<Json>}
   */
  async dataset(name, schema) {
    for await (const found of this.#pages("/datasets", "datasets")) if (found.name === name) return found;
    return this.api.create("/datasets", { name, ...(schema ? { schema } : {}) });
  }

  /**
   * Upload files. Resolves once all have arrived or failed. Throws Problem for what stops the whole upload, and the signal's
   * reason if it is aborted.
   * @param {string} datasetId
   * @param {Iterable<File>} files in a browser, those of a folder keep their paths
   * @param {UploadOptions} [options]
   * @returns {Promise<Uploaded>}
   */
  async upload(datasetId, files, { onProgress = () => {}, allowDuplicates = false, labels = [], separation = null, signal } = {}) {
    const engine = new Engine(this.api, datasetId, { allowsDuplicates: allowDuplicates, labels, separation });
    const picked = [...files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
    signal?.throwIfAborted();
    await new Promise((resolve, reject) => {
      const stop = () => (engine.pause(), reject(signal?.reason));
      signal?.addEventListener("abort", stop, { once: true });
      engine.onChange = () => {
        onProgress(progressOf(engine));
        if (engine.isPaused && engine.error) reject(engine.error);
        else if (!engine.isActive) {
          signal?.removeEventListener("abort", stop);
          resolve(undefined);
        }
      };
      engine.add(picked).catch(reject);
    });
    return {
      batchId: engine.batchId,
      arrived: engine.counts.arrived,
      duplicates: engine.duplicates.map(({ name }) => name),
      failures: engine.failures.map(({ picked: { name }, reason }) => ({ name, reason })),
    };
  }

  /**
   * The files of a batch, newest first, after each change, until all pipelines have ended.
   * @param {string} datasetId @param {string} batchId @returns {AsyncGenerator<Json[]>}
   */
  async *follow(datasetId, batchId) {
    const path = `/datasets/${datasetId}`;
    let cursor = (await this.api.get(`${path}/files?limit=1`)).changes_cursor;
    /** @type {Map<string, Json>} */
    const known = new Map();
    const { routing } = await this.api.get(path);
    for (const id of new Set([datasetId, ...Object.values(routing ?? {})])) {
      try {
        for await (const file of this.files(id, { batch: batchId })) known.set(file.id, file);
      } catch (error) {
        if (id === datasetId || !(error instanceof Problem)) throw error; // another one was removed
      }
    }
    for (let hasMore = false; ; ) {
      if (!hasMore) {
        yield [...known.values()];
        if ([...known.values()].every(isSettled)) return;
      }
      const away = [...known.values()].filter((file) => file.dataset_id !== datasetId && !isSettled(file));
      const wait_s = away.length ? 1 : CHANGES_WAIT_S; // changes of other datasets end no wait
      const changes = await this.api.get(`${path}/changes${query({ after: cursor, wait_s })}`);
      cursor = changes.cursor;
      hasMore = changes.has_more;
      for (const file of changes.files) if (file.batch_id === batchId) known.set(file.id, file);
      for (const id of new Set([...changes.removed, ...away.map((file) => file.id)])) {
        if (!known.has(id)) continue;
        try {
          known.set(id, await this.api.get(`/files/${id}`));
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          known.delete(id);
        }
      }
      if (changes.files.length === 0) await pause(1000 * (changes.poll_after_s || 0.2));
    }
  }

  /** Every file of a dataset, newest first. @param {string} datasetId @param {{state?: string, batch?: string, name?: string}} [filters] */
  files(datasetId, filters = {}) {
    return this.#pages(`/datasets/${datasetId}/files`, "files", { limit: 200, ...filters });
  }

  /** Every record of a dataset, oldest first. @param {string} datasetId */
  records(datasetId) {
    return this.#pages(`/datasets/${datasetId}/records`, "records", { limit: 1000 });
  }

  /**
   * The rows that fulfil all conditions, in this order or newest first.
   * @param {string} datasetId @param {{field: string, op: string, value?: any}[]} [where] @param {string} [sort]
   */
  find(datasetId, where = [], sort) {
    const conditions = where.length ? JSON.stringify(where) : undefined;
    return this.#pages(`/datasets/${datasetId}/rows`, "rows", { where: conditions, sort, limit: 1000 });
  }

  /**
   * A dataset's records as a file. Throws Error if the export fails.
   * @param {string} datasetId @param {"csv" | "xlsx" | "jsonl" | "parquet"} format @returns {Promise<Blob>}
   */
  async export(datasetId, format) {
    const { url } = await this.#exported(datasetId, { format });
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the object store answered ${response.status}`);
    return response.blob();
  }

  /**
   * A dataset's originals as zip files: their names and URLs in `archives`, and that of their manifest. `names` is a template of
   * the paths in them, such as `{company}/{date}`. Throws Error if the export fails.
   * @param {string} datasetId @param {string} [names] @returns {Promise<Json>}
   */
  exportOriginals(datasetId, names) {
    return this.#exported(datasetId, { format: "zip", ...(names ? { names } : {}) });
  }

  /** An export that is done. @param {string} datasetId @param {Json} body @returns {Promise<Json>} */
  async #exported(datasetId, body) {
    let found = await this.api.create(`/datasets/${datasetId}/exports`, body);
    while (!["done", "failed"].includes(found.state)) {
      await pause(EXPORT_POLL_MS);
      found = await this.api.get(`/exports/${found.id}`);
    }
    if (found.state === "failed") throw new Error(found.error.detail);
    return found;
  }

  /** To which datasets a dataset sends files, by kind, and what moves have taught it. @param {string} datasetId @returns {Promise<Json>} */
  routing(datasetId) {
    return this.api.get(`/datasets/${datasetId}/routing`);
  }

  /** Send files of each kind to a dataset, by its id or name. @param {string} datasetId @param {Record<string, string>} rules @returns {Promise<Json>} */
  setRouting(datasetId, rules) {
    return this.api.call("PUT", `/datasets/${datasetId}`, { routing: rules });
  }

  /**
   * Move files to another dataset. The move can be undone by its id.
   * @param {string} datasetId @param {string[]} fileIds @param {string} to @param {string} [kind] @returns {Promise<Json>}
   */
  move(datasetId, fileIds, to, kind) {
    return this.api.create(`/datasets/${datasetId}/moves`, { to, file_ids: fileIds, kind });
  }

  /** Move the files of one request back. @param {string} moveId @returns {Promise<Json>} */
  undoMove(moveId) {
    return this.api.create(`/moves/${moveId}/undo`, {});
  }

  /** Remove files. The removal can be undone by its id. @param {string} datasetId @param {string[]} fileIds @returns {Promise<Json>} */
  remove(datasetId, fileIds) {
    return this.api.create(`/datasets/${datasetId}/removals`, { file_ids: fileIds });
  }

  /** Undo a removal. @param {string} removalId @returns {Promise<Json>} */
  undo(removalId) {
    return this.api.create(`/removals/${removalId}/undo`, {});
  }

  /** @param {string} path @param {string} what @param {Record<string, any>} [values] @returns {AsyncGenerator<Json>} */
  async *#pages(path, what, values = {}) {
    let cursor;
    do {
      const page = await this.api.get(path + query({ ...values, cursor }));
      yield* page[what];
      cursor = page.next_cursor;
    } while (cursor);
  }
}

/** Whether every pipeline of a file has ended. @param {Json} file */
export function isSettled(file) {
  if (NOT_SETTLED.has(file.state)) return false;
  return Object.values(file.pipelines).every(({ state }) => !BUSY.has(state));
}

/** @param {Engine} engine @returns {Progress} */
function progressOf({ counts, duplicates, failures, remainingS, isOffline }) {
  const { added: files, arrived, bytes, bytesSent } = counts;
  const others = { duplicates: duplicates.length, failures: failures.length };
  return { files, arrived, bytes, bytesSent, ...others, remainingS, isOffline };
}

// @ts-check
/** One upload into a dataset: describes files, sends several at once, pauses, continues and retries. */
import { newId, pause, Problem } from "../api.js";
import { isPlain, ofBatch } from "./asked.js";
import { describe, nextSize, refusals } from "./descriptions.js";
import { forget, markOf, remember } from "./memory.js";
import { insist } from "./outage.js";
import { Pace } from "./progress.js";
import { sortOut } from "./resume.js";
import { Paused, send } from "./transfer.js";

/** @typedef {import("./drop.js").Picked} Picked */
/** @typedef {{picked: Picked, id: string, instruction: any}} Item */
/** @typedef {{picked: Picked, reason: string, code: string, item: Item | null}} Failure `code`: that of the API's problem */
/** @typedef {import("./asked.js").Asked} Asked */

const AT_ONCE = 6;
const DESCRIBED_AHEAD = 1500;
const SHOW_EVERY_MS = 150;

export class Engine {
  /** @param {import("../api.js").Api} api @param {string} datasetId @param {Asked} [asked] */
  constructor(api, datasetId, asked = {}) {
    this.api = api;
    this.datasetId = datasetId;
    this.asked = asked;
    this.batchId = /** @type {string | null} */ (null);
    this.pending = /** @type {Picked[]} */ ([]);
    this.queue = /** @type {Item[]} */ ([]);
    this.failures = /** @type {Failure[]} */ ([]);
    this.duplicates = /** @type {Picked[]} */ ([]);
    this.counts = { added: 0, arrived: 0, bytes: 0, bytesSent: 0 };
    this.pace = new Pace();
    this.isPaused = false;
    this.isOffline = false;
    this.isPreparing = false;
    this.error = /** @type {Error | null} */ (null);
    this.working = 0;
    this.lastSize = 0;
    this.onChange = () => {}; // called when there is something new to show
    this.showing = /** @type {any} */ (undefined);
  }

  get isActive() {
    return this.isPreparing || this.pending.length + this.queue.length + this.working > 0;
  }

  get remainingS() {
    const { added, arrived, bytes, bytesSent } = this.counts;
    const left = added - arrived - this.failures.length - this.duplicates.length;
    return this.pace.remaining(Math.max(0, bytes - bytesSent), left);
  }

  /** Upload these files too; those that an earlier upload has begun are continued. @param {Picked[]} picked */
  async add(picked) {
    this.isPreparing = true;
    this.counts.added += picked.length;
    for (const { file } of picked) this.counts.bytes += file.size;
    this.#show(true);
    const found = this.asked.allowsDuplicates
      ? { fresh: picked, begun: [], arrived: [], batchId: null }
      : await this.#insist(() => sortOut(this.api, this.datasetId, picked)).catch((error) => this.#stop(error));
    this.isPreparing = false;
    if (!found) return;
    if (isPlain(this.asked)) this.batchId ??= found.batchId; // an earlier batch has what was asked then
    for (const { picked: one, id } of found.begun) this.queue.push({ picked: one, id, instruction: null });
    for (const { file } of found.arrived) this.#arrived(file.size);
    for (const one of found.fresh) this.pending.push(one);
    this.#work();
  }

  pause() {
    this.isPaused = true;
    this.#show(true);
  }

  resume() {
    this.isPaused = false;
    this.error = null;
    this.pace.restart();
    this.#work();
  }

  /** Try failed files again. @param {Failure[]} [failures] */
  retry(failures = this.failures) {
    const again = new Set(failures);
    this.failures = this.failures.filter((failure) => !again.has(failure));
    for (const { picked, item } of again) {
      if (item) this.queue.push({ ...item, instruction: null });
      else this.pending.push(picked);
    }
    this.resume();
  }

  #work() {
    this.#show();
    if (!this.isDescribing) void this.#describeAll();
    while (this.working < AT_ONCE && this.queue.length > 0 && !this.isPaused) {
      this.working += 1;
      void this.#sendNext();
    }
  }

  async #describeAll() {
    this.isDescribing = true;
    try {
      while (this.pending.length && !this.isPaused) {
        if (this.queue.length > DESCRIBED_AHEAD) await pause(200);
        else await this.#describeSome();
      }
    } catch (error) {
      this.#stop(error);
    } finally {
      this.isDescribing = false;
      this.#show(true);
    }
  }

  async #describeSome() {
    this.lastSize = nextSize(this.lastSize);
    const some = this.pending.slice(0, this.lastSize);
    const body = { files: await describe(some), ...(this.batchId ? {} : ofBatch(this.asked)) };
    const path = this.batchId ? `/batches/${this.batchId}/files` : `/datasets/${this.datasetId}/batches`;
    const key = newId();
    let batch;
    try {
      batch = await this.#insist(() => this.api.create(path, body, key));
    } catch (error) {
      if (this.batchId && error instanceof Problem && error.code === "conflict") {
        this.batchId = null; // it was cancelled; the rest goes into a new one
        return;
      }
      const refused = refusals(error);
      if (refused.size === 0) throw error;
      for (const [index, reason] of refused) if (some[index]) this.#fail(some[index], reason, "", null);
      this.pending = this.pending.filter((_, index) => !refused.has(index));
      return;
    }
    this.pending = this.pending.slice(some.length);
    this.batchId = batch.id;
    await this.#take(some, batch);
  }

  /** @param {Picked[]} some @param {any} batch */
  async #take(some, batch) {
    const created = batch.files.map((/** @type {any} */ file, /** @type {number} */ i) => ({ ...file, picked: some[i] }));
    const kept = created.filter((/** @type {any} */ file) => file.id);
    const about = { dataset: this.datasetId, batchId: batch.id, at: Date.now() };
    await remember(kept.map((/** @type {any} */ { picked, id }) => ({ ...about, mark: markOf(picked), fileId: id })));
    for (const { picked, id, upload } of created) {
      if (id) this.queue.push({ picked, id, instruction: upload });
      else this.duplicates.push(picked);
    }
    this.#work();
  }

  async #sendNext() {
    const item = /** @type {Item} */ (this.queue.shift());
    try {
      await this.#sendOne(item);
    } finally {
      this.working -= 1;
    }
    if (!this.isActive) await this.#finish();
    else if (!this.isPaused) this.#work();
  }

  /** @param {Item} item */
  async #sendOne(item) {
    const { picked } = item;
    const transfer = { file: picked.file, bytes: picked.bytes, id: item.id, instruction: item.instruction };
    let sent = 0;
    const onBytes = (/** @type {number} */ bytes) => {
      sent += bytes;
      this.#sent(bytes);
    };
    const takeBack = () => {
      this.counts.bytesSent -= sent;
      sent = 0;
    };
    try {
      await this.#insist(() => {
        takeBack();
        return send(transfer, { api: this.api, onBytes, mayContinue: () => !this.isPaused });
      });
      picked.bytes = null;
      this.#arrived(0);
    } catch (error) {
      takeBack();
      if (error instanceof Paused) this.queue.unshift({ ...item, instruction: null });
      else if (error instanceof Problem && error.status === 404) this.pending.push(picked); // removed meanwhile
      else this.#fail(picked, /** @type {Error} */ (error).message, error instanceof Problem ? error.code : "", item);
    }
  }

  /** @template T @param {() => Promise<T>} act @returns {Promise<T>} */
  async #insist(act) {
    const result = await insist(act, () => {
      this.isOffline = true;
      this.pace.restart();
      this.#show(true);
    });
    this.isOffline = false;
    return result;
  }

  /** @param {unknown} error */
  #stop(error) {
    this.error = /** @type {Error} */ (error);
    this.isPaused = true;
    this.#show(true);
    return null;
  }

  /** @param {Picked} picked @param {string} reason @param {string} code @param {Item | null} item */
  #fail(picked, reason, code, item) {
    this.failures.push({ picked, reason, code, item });
    this.#show();
  }

  /** @param {number} bytes */
  #sent(bytes) {
    this.counts.bytesSent += bytes;
    this.pace.add(bytes, 0, performance.now());
    this.#show();
  }

  /** @param {number} bytes */
  #arrived(bytes) {
    this.counts.arrived += 1;
    this.counts.bytesSent += bytes;
    if (bytes === 0) this.pace.add(0, 1, performance.now());
    this.#show();
  }

  /** Once all have arrived, dropping the same files again is a new upload. */
  async #finish() {
    this.#show(true);
    if (this.failures.length === 0 && this.batchId) await forget(this.datasetId, this.batchId);
  }

  /** @param {boolean} [isNow] */
  #show(isNow = false) {
    if (!isNow) return (this.showing ??= setTimeout(() => this.#show(true), SHOW_EVERY_MS));
    clearTimeout(this.showing);
    this.showing = undefined;
    this.onChange();
  }
}

// @ts-check
/** One dataset as a screen shows it: its schema and counts, the rows of the current filter, and live changes. */
import { signal } from "@preact/signals";
import { pause } from "../api.js";
import { api } from "../session.js";
import { follow } from "./feed.js";
import { accepts, NO_FILTER, pathOf } from "./listing.js";
import { rowOf } from "./row.js";
import { ListedRows, Rows } from "./rows.js";
import { NOTHING, prune } from "./selection.js";

/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("./listing.js").Filter} Filter */

const PAGE_ROWS = 200;
const FURTHER_ROWS = 1000;
const COUNTS_EVERY_MS = 700;

export class Dataset {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.info = signal(/** @type {any} */ (null));
    this.filter = signal(/** @type {Filter} */ (NO_FILTER));
    this.rows = new Rows();
    /** Counts up with each change of `rows`, which is too large to copy. */
    this.version = signal(0);
    this.problem = signal("");
    this.isConnected = signal(true);
    /** The index of the first row in sight, and by how many rows later changes have moved it. */
    this.firstShown = 0;
    this.shift = signal(0);
    this.scrollTop = 0;
    this.selection = signal(NOTHING);
    this.cursor = /** @type {string | null} */ (null);
    this.found = /** @type {number | "more" | null} */ (null);
    this.loading = /** @type {Promise<void> | null} */ (null);
    this.following = /** @type {{stop: () => void} | null} */ (null);
    this.stopped = new AbortController();
    this.generation = 0;
  }

  async open() {
    try {
      this.info.value = await api.get(`/datasets/${this.id}`);
      await this.reload();
    } catch (error) {
      this.fail(error);
    }
  }

  close() {
    this.stopped.abort();
    this.following?.stop();
  }

  /** @param {unknown} error */
  fail(error) {
    if (!this.stopped.signal.aborted) this.problem.value = /** @type {Error} */ (error).message;
  }

  /** @param {Partial<Filter>} change */
  async setFilter(change) {
    this.filter.value = { ...this.filter.value, ...change };
    await this.reload().catch((error) => this.fail(error));
  }

  /** Read the listing again from its start. */
  async reload() {
    const generation = (this.generation += 1);
    const filter = this.filter.value;
    this.loading = null;
    const page = await this.#page(null);
    if (generation !== this.generation) return;
    // Rows in the order of a value stay where they are until the listing is read again.
    this.rows = new (filter.sort ? ListedRows : Rows)((row) => accepts(filter, row));
    this.found = page.total ?? null;
    this.firstShown = 0;
    this.selection.value = NOTHING;
    this.problem.value = "";
    this.#append(page);
    this.following?.stop();
    this.following = follow(api, this.id, page.changes_cursor, {
      onChange: (files, removed) => this.#change(files, removed),
      onState: (isConnected) => (this.isConnected.value = isConnected),
      onReset: () => void this.reload().catch((error) => this.fail(error)),
    });
  }

  /** Read pages until a row index is reached. @param {number} index */
  async reach(index) {
    while (index >= this.rows.list.length && !this.rows.isComplete && !this.stopped.signal.aborted) {
      const generation = this.generation;
      this.loading ??= this.#next(generation).finally(() => (this.loading = null));
      await this.loading;
      if (generation !== this.generation) return;
    }
  }

  /** How many rows the current filter has; for a search, those that were read so far. */
  get total() {
    const { state, name, review } = this.filter.value;
    const counts = this.info.value?.counts;
    if (this.rows.isComplete) return this.rows.list.length;
    if (typeof this.found === "number") return Math.max(this.rows.list.length, this.found);
    if (name || review || !counts) return this.rows.list.length + 1;
    return Math.max(this.rows.list.length, state ? (counts.by_state[state] ?? 0) : counts.files);
  }

  /** @param {string | null} cursor */
  #page(cursor) {
    const path = pathOf(this.id, this.filter.value, cursor ? FURTHER_ROWS : PAGE_ROWS, cursor);
    return api.get(path, { signal: this.stopped.signal });
  }

  /** @param {number} generation */
  async #next(generation) {
    const page = await this.#page(this.cursor);
    if (generation === this.generation) this.#append(page);
  }

  /** @param {any} page */
  #append(page) {
    this.cursor = page.next_cursor;
    this.rows.append((page.files ?? page.rows).map(rowOf), page.next_cursor === null);
    this.version.value += 1;
  }

  /** @param {any[]} files @param {string[]} removed */
  #change(files, removed) {
    this.shift.value += this.rows.merge(files.map(rowOf), removed, this.firstShown);
    this.version.value += 1;
    if (removed.length) this.selection.value = prune(this.selection.value, (id) => this.rows.byId.has(id));
    void this.#count();
  }

  /** Read the counts again, at most once in `COUNTS_EVERY_MS`. */
  async #count() {
    if (this.isCounting) {
      this.mustCount = true;
      return;
    }
    this.isCounting = true;
    do {
      this.mustCount = false;
      await pause(COUNTS_EVERY_MS, this.stopped.signal);
      if (this.stopped.signal.aborted) return;
      this.info.value = await api.get(`/datasets/${this.id}`).catch(() => this.info.value);
    } while (this.mustCount);
    this.isCounting = false;
  }
}

/** The dataset that is open. It stays open while a file of it is shown, so that the table keeps its place. */
let opened = /** @type {Dataset | null} */ (null);

/** @param {string} id */
export function openDataset(id) {
  if (opened?.id === id && !opened.stopped.signal.aborted) return opened;
  opened?.close();
  opened = new Dataset(id);
  void opened.open();
  return opened;
}

export function closeDataset() {
  opened?.close();
  opened = null;
}

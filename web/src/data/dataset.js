// @ts-check
/** One dataset as a screen shows it: its schema and counts, the rows of the current filter, and live changes. */
import { effect, signal } from "@preact/signals";
import { isOut, pause } from "../api.js";
import { place } from "../router.js";
import { problemText } from "../sentences.js";
import { api, me } from "../session.js";
import { columnsOf, noted, withFractions } from "./columns.js";
import { accepts, isByValue, NO_FILTER, pathFrom, pathOf } from "./listing.js";
import { hasExpired, rowOf, Stub } from "./row.js";
import { ListedRows, Rows } from "./rows.js";
import { NOTHING, prune } from "./selection.js";

/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("./listing.js").Filter} Filter */

/** The first page fills the window; the second is read once a person scrolls, and the others while they go on. */
const FURTHER_ROWS = [200, 1000];
/** The height of the lowest rows. */
const ROW_PX = 44;
/** As many rows are read at once again whose content was dropped, and as far ahead of those in sight. */
const FILLED_ROWS = 400;
const FILLED_AHEAD = 200;
const COUNTS_EVERY_MS = 900;
const AGAIN_MS = 4000;

export class Dataset {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.info = signal(/** @type {any} */ (null));
    this.filter = signal(/** @type {Filter} */ (NO_FILTER));
    this.rows = new Rows();
    /** Counts up with each change of `rows`, which is too large to copy. */
    this.version = signal(0);
    /** The columns in which a row that was read has a number with a fraction. */
    this.fractions = signal(/** @type {ReadonlySet<string>} */ (new Set()));
    this.known = "";
    this.listed = /** @type {import("./columns.js").Column[]} */ ([]);
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
    this.isFilling = false;
  }

  /** Read the dataset and its first rows, again while the API cannot be reached. */
  async open() {
    const { signal } = this.stopped;
    for (let fails = true; fails && !signal.aborted; ) {
      const info = api.get(`/datasets/${this.id}`).then((found) => (this.info.value = found));
      const error = await Promise.all([info, this.reload()]).then(() => null, (/** @type {any} */ found) => found);
      if (!error) return;
      this.fail(error);
      fails = isOut(error);
      await pause(AGAIN_MS, signal);
    }
  }

  close() {
    this.stopped.abort();
    this.following?.stop();
  }

  /** @param {unknown} error */
  fail(error) {
    if (!this.stopped.signal.aborted) this.problem.value = problemText(error);
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
    this.cursor = null;
    const page = await this.#page(null);
    if (generation !== this.generation) return;
    // Rows in the order of a value stay where they are until the listing is read again.
    this.rows = new (isByValue(filter) ? ListedRows : Rows)((row) => accepts(filter, row));
    this.found = page.total ?? null;
    this.firstShown = 0;
    this.selection.value = NOTHING;
    this.problem.value = "";
    this.#append(page);
    this.following?.stop();
    await pause(0); // the rows are drawn first
    const { follow } = await import("./feed.js");
    if (generation !== this.generation || this.stopped.signal.aborted) return;
    this.following = follow(api, this.id, page.changes_cursor, {
      onChange: (files, removed) => this.#change(files, removed),
      onState: (isConnected) => (this.isConnected.value = isConnected),
      onReset: () => void this.reload().catch((error) => this.fail(error)),
    });
  }

  /** Read pages after the first one until a row index is reached. @param {number} index */
  async reach(index) {
    while (index >= this.rows.list.length && this.cursor !== null && !this.stopped.signal.aborted) {
      const generation = this.generation;
      this.loading ??= this.#next(generation).finally(() => (this.loading = null));
      await this.loading;
      if (generation !== this.generation) return;
    }
  }

  /** Read rows whose content was dropped and which are in sight, or soon will be. @param {number} first @param {number} end */
  async fill(first, end) {
    const { rows, generation } = this;
    const start = rows.list.slice(Math.max(0, first - FILLED_AHEAD), end + FILLED_AHEAD).find((row) => row instanceof Stub);
    if (this.isFilling || !start) return;
    this.isFilling = true;
    try {
      const path = pathFrom(this.id, this.filter.value, FILLED_ROWS, start.id);
      const page = await api.get(path, { signal: this.stopped.signal });
      if (generation !== this.generation) return;
      const before = rows.full;
      rows.fill(this.#rowsOf(page.rows));
      if (rows.full > before) this.version.value += 1;
    } finally {
      this.isFilling = false;
    }
  }

  /** A row's picture could not be shown: if its address has expired, all such rows are read again when they are in sight. @param {string | null} id */
  renewPictures(id) {
    const row = this.rows.get(id ?? "");
    if (row && hasExpired(row.thumbnail, Date.now()) && this.rows.dropExpired(Date.now())) this.version.value += 1;
  }

  /** Whether `total` is the number of all rows of the filter. */
  get isCounted() {
    const { name, review, where } = this.filter.value;
    return this.rows.isComplete || typeof this.found === "number" || !(name || review || where.length || this.found === "more");
  }

  /** How many rows the current filter has; for a search, those that were read so far. */
  get total() {
    const { state, name, review, where } = this.filter.value;
    const counts = this.info.value?.counts;
    if (this.rows.isComplete) return this.rows.list.length;
    if (typeof this.found === "number") return Math.max(this.rows.list.length, this.found);
    if (name || review || where.length || !counts) return this.rows.list.length + 1;
    return Math.max(this.rows.list.length, state ? (counts.by_state[state] ?? 0) : counts.files);
  }

  /** @param {string | null} cursor */
  #page(cursor) {
    const first = Math.ceil(innerHeight / ROW_PX) + 5;
    const rows = cursor === null ? Math.min(first, 200) : FURTHER_ROWS[this.rows.list.length < FURTHER_ROWS[0] ? 0 : 1];
    const path = pathOf(this.id, this.filter.value, rows, cursor);
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
    this.rows.append(this.#rowsOf(page.files ?? page.rows), page.next_cursor === null);
    this.rows.trim(this.firstShown);
    this.version.value += 1;
  }

  /** @param {any[]} files @returns {Row[]} */
  #rowsOf(files) {
    const rows = files.map(rowOf);
    this.fractions.value = withFractions(this.fractions.value, rows);
    return rows;
  }

  /** The columns of the table, from the schema and the rows that were read: the same list until one of them changes. */
  columns() {
    const schema = this.info.value?.schema;
    const known = JSON.stringify([schema, ...this.fractions.value]);
    if (this.known !== known) {
      this.known = known;
      this.listed = noted(columnsOf(schema), this.fractions.value);
    }
    return this.listed;
  }

  /** @param {any[]} files @param {string[]} removed */
  #change(files, removed) {
    const rows = this.#rowsOf(files);
    const isCounted = removed.length > 0 || rows.some((row) => differsInDataset(this.rows.get(row.id), row));
    this.shift.value += this.rows.merge(rows, removed, this.firstShown);
    this.rows.trim(this.firstShown);
    this.version.value += 1;
    if (removed.length) this.selection.value = prune(this.selection.value, (id) => this.rows.byId.has(id));
    if (isCounted) void this.#count();
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

/** Whether a change of a row may be one of its dataset: of its counts, or of its columns, for which files are extracted again. @param {Row | null} before @param {Row} row */
const differsInDataset = (before, row) => before?.state !== row.state || before.recordVersion !== row.recordVersion;

let opened = /** @type {Dataset | null} */ (null);

/** The dataset that is open. It stays open while a file of it is shown, so that the table keeps its place. @param {string} id */
export function openDataset(id) {
  if (opened?.id === id && !opened.stopped.signal.aborted) return opened;
  opened?.close();
  const dataset = new Dataset(id);
  opened = dataset;
  void dataset.open();
  const stop = effect(() => {
    if (me.value && "datasetId" in place.value) return;
    queueMicrotask(() => (dataset.close(), stop()));
  });
  return dataset;
}

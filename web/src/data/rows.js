// @ts-check
/**
 * The rows of a table, newest first: pages of a listing and later changes, merged. Holds no connection.
 *
 * All rows that were read have their place, but only those near the ones in sight have their content: a hundred thousand
 * of them would fill the memory of a tab, and the addresses of their pictures expire. Only rows in sight and a few around
 * them are drawn.
 */
import { hasExpired, Stub } from "./row.js";

/** @typedef {import("./row.js").Row} Row */

/** With more rows than this, the content of those is dropped that are further from the ones in sight than the second number. */
const MOST_FULL = 5000;
const KEPT_AROUND = 1500;

export class Rows {
  /** @param {(row: Row) => boolean} [accepts] which changed rows belong into this listing */
  constructor(accepts = () => true) {
    this.accepts = accepts;
    /** @type {(Row | Stub)[]} */
    this.list = [];
    /** @type {Map<string, Row | Stub>} */
    this.byId = new Map();
    /** How many rows have their content. */
    this.full = 0;
    /** Whether the listing's last page was read. */
    this.isComplete = false;
  }

  /** The row with this id, if its content is known. @param {string} id @returns {Row | null} */
  get(id) {
    const found = this.byId.get(id);
    return found && !(found instanceof Stub) ? found : null;
  }

  /** Give rows their content again. @param {Row[]} rows */
  fill(rows) {
    for (const row of rows) {
      const known = this.byId.get(row.id);
      if (known instanceof Stub) this.put(this.indexOf(row.id), row);
    }
  }

  /** Drop the content of rows far from those in sight, if there is much of it. @param {number} firstShown */
  trim(firstShown) {
    if (this.full <= MOST_FULL) return;
    for (let index = 0; index < this.list.length; index += 1) {
      const row = this.list[index];
      if (row instanceof Stub || Math.abs(index - firstShown) <= KEPT_AROUND) continue;
      this.put(index, new Stub(row.id));
    }
  }

  /** Drop the content of rows whose pictures have expired addresses. Returns whether there were any. @param {number} now */
  dropExpired(now) {
    const before = this.full;
    for (let index = 0; index < this.list.length; index += 1) {
      const row = this.list[index];
      if (!(row instanceof Stub) && hasExpired(row.thumbnail, now)) this.put(index, new Stub(row.id));
    }
    return this.full < before;
  }

  /** @param {number} index @param {Row | Stub} row a new content of the row that stands there */
  put(index, row) {
    this.full += Number(this.list[index] instanceof Stub) - Number(row instanceof Stub);
    this.list[index] = row;
    this.byId.set(row.id, row);
  }

  /**
   * Add the next page of the listing.
   * @param {Row[]} page
   * @param {boolean} isLast
   */
  append(page, isLast) {
    for (const row of page) {
      if (this.byId.has(row.id)) this.put(this.indexOf(row.id), row);
      else this.#insert(row);
    }
    this.isComplete = isLast;
  }

  /**
   * Merge changes. Returns how many rows were added above the row with index `firstShown`, less those that left it.
   * @param {Row[]} changed
   * @param {string[]} removed
   * @param {number} [firstShown]
   */
  merge(changed, removed, firstShown = 0) {
    const anchor = this.list[firstShown]?.id ?? null;
    for (const id of removed) this.#remove(id);
    for (const row of changed) this.#take(row);
    if (anchor === null) return 0;
    return this.indexOf(anchor) - firstShown;
  }

  /** The index of a row, or that at which it would stand. @param {string} id */
  indexOf(id) {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].id > id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {Row} row */
  #take(row) {
    const known = this.byId.get(row.id);
    if (known) {
      // Two tabs read at different times: an older state must not replace a newer one.
      if (isOlder(row, known)) return;
      if (this.accepts(row)) this.put(this.indexOf(row.id), row);
      else this.#remove(row.id);
    } else if (this.accepts(row) && this.#isWithin(row.id)) {
      this.#insert(row);
    }
  }

  /** Whether the pages that were read reach as far as this row; a later page brings older rows. @param {string} id */
  #isWithin(id) {
    return this.isComplete || (this.list.length > 0 && id > this.list[this.list.length - 1].id);
  }

  /** @param {Row} row */
  #insert(row) {
    const index = this.indexOf(row.id);
    if (index === this.list.length) this.list.push(row);
    else this.list.splice(index, 0, row);
    this.byId.set(row.id, row);
    this.full += 1;
  }

  /** @param {string} id */
  #remove(id) {
    const index = this.indexOf(id);
    if (!this.byId.delete(id)) return;
    const [gone] = this.list.splice(index, 1);
    if (!(gone instanceof Stub)) this.full -= 1;
  }
}

/** @param {Row} row @param {Row | Stub} known */
const isOlder = (row, known) => !(known instanceof Stub) && row.updatedAt < known.updatedAt;

/** Rows in the order of their listing: changes replace rows where they stand, and insert none. */
export class ListedRows extends Rows {
  /** @type {Map<string, number>} */
  #places = new Map();

  /** @param {Row[]} page @param {boolean} isLast */
  append(page, isLast) {
    for (const row of page) {
      if (this.byId.has(row.id)) continue;
      this.#places.set(row.id, this.list.length);
      this.list.push(row);
      this.byId.set(row.id, row);
      this.full += 1;
    }
    this.isComplete = isLast;
  }

  /** @param {Row[]} changed @param {string[]} removed */
  merge(changed, removed) {
    const gone = new Set(removed);
    for (const row of changed) {
      const known = this.byId.get(row.id);
      if (!known || isOlder(row, known)) continue;
      if (!this.accepts(row)) gone.add(row.id);
      this.put(this.indexOf(row.id), row);
    }
    const left = this.list.filter((row) => !gone.has(row.id));
    if (left.length < this.list.length) {
      for (const id of gone) this.byId.delete(id);
      this.list.length = 0;
      for (const row of left) this.list.push(row); // not spread: an argument list has a limit
      this.full = left.reduce((count, row) => count + Number(!(row instanceof Stub)), 0);
      this.#places = new Map(left.map((row, index) => [row.id, index]));
    }
    return 0;
  }

  /** @param {string} id */
  indexOf(id) {
    return this.#places.get(id) ?? this.list.length;
  }
}

const AROUND = 8;

/**
 * @param {{scrollTop: number, height: number, rowHeight: number, total: number}} view in pixels and rows
 * @returns {{first: number, end: number, firstSeen: number}}
 */
export function windowOf({ scrollTop, height, rowHeight, total }) {
  const firstSeen = Math.min(Math.max(0, Math.floor(scrollTop / rowHeight)), Math.max(0, total - 1));
  const seen = seenAtMost(height, rowHeight);
  return { first: Math.max(0, firstSeen - AROUND), end: Math.min(total, firstSeen + seen + AROUND), firstSeen };
}

/** @param {number} height @param {number} rowHeight */
const seenAtMost = (height, rowHeight) => Math.ceil(height / rowHeight) + 1;

/** How many rows a window of this height draws at most. @param {number} height @param {number} rowHeight */
export const drawnAtMost = (height, rowHeight) => seenAtMost(height, rowHeight) + 2 * AROUND;

/**
 * The scroll position that brings a row into sight, or null where it is in sight already.
 * @param {number} index
 * @param {{scrollTop: number, height: number, rowHeight: number}} view
 */
export function scrollTo(index, { scrollTop, height, rowHeight }) {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height;
  return null;
}

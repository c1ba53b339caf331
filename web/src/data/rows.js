// @ts-check
/** The rows of a table, newest first: pages of a listing and later changes, merged. Holds no connection. */

/** @typedef {import("./row.js").Row} Row */

export class Rows {
  /** @param {(row: Row) => boolean} [accepts] which changed rows belong into this listing */
  constructor(accepts = () => true) {
    this.accepts = accepts;
    /** @type {Row[]} */
    this.list = [];
    /** @type {Map<string, Row>} */
    this.byId = new Map();
    /** Whether the listing's last page was read. */
    this.isComplete = false;
  }

  /**
   * Add the next page of the listing.
   * @param {Row[]} page
   * @param {boolean} isLast
   */
  append(page, isLast) {
    for (const row of page) {
      const known = this.byId.get(row.id);
      if (known) this.#replace(known, row);
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
      if (row.updatedAt < known.updatedAt) return;
      if (this.accepts(row)) this.#replace(known, row);
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
  }

  /** @param {Row} known @param {Row} row */
  #replace(known, row) {
    this.list[this.indexOf(known.id)] = row;
    this.byId.set(row.id, row);
  }

  /** @param {string} id */
  #remove(id) {
    if (!this.byId.delete(id)) return;
    this.list.splice(this.indexOf(id), 1);
  }
}

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
    }
    this.isComplete = isLast;
  }

  /** @param {Row[]} changed @param {string[]} removed */
  merge(changed, removed) {
    const gone = new Set(removed);
    for (const row of changed) {
      const known = this.byId.get(row.id);
      if (!known || row.updatedAt < known.updatedAt) continue;
      if (!this.accepts(row)) gone.add(row.id);
      this.list[/** @type {number} */ (this.#places.get(row.id))] = row;
      this.byId.set(row.id, row);
    }
    const left = this.list.filter((row) => !gone.has(row.id));
    if (left.length < this.list.length) {
      for (const id of gone) this.byId.delete(id);
      this.list.length = 0;
      for (const row of left) this.list.push(row); // not spread: an argument list has a limit
      this.#places = new Map(left.map((row, index) => [row.id, index]));
    }
    return 0;
  }

  /** @param {string} id */
  indexOf(id) {
    return this.#places.get(id) ?? this.list.length;
  }
}

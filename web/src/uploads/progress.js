// @ts-check
/** Forecasts how long an upload still takes, from what was sent in the last half minute. */

/** What one more request costs, as bytes: many small files are slower than their size says. */
const REQUEST_BYTES = 60_000;
const WINDOW_MS = 30_000;
const LEAST_MS = 2_000;

export class Pace {
  constructor() {
    /** @type {{at: number, work: number}[]} */
    this.marks = [];
    this.work = 0;
  }

  /** @param {number} bytes @param {number} files @param {number} now in milliseconds */
  add(bytes, files, now) {
    this.work += bytes + files * REQUEST_BYTES;
    this.marks.push({ at: now, work: this.work });
    while (this.marks.length > 2 && now - this.marks[0].at > WINDOW_MS) this.marks.shift();
  }

  /** Forget the past, as after a pause. */
  restart() {
    this.marks = [];
  }

  /**
   * Seconds until the rest is sent, or null while too little is known.
   * @param {number} bytes @param {number} files what is left
   */
  remaining(bytes, files) {
    const [first, last] = [this.marks[0], this.marks[this.marks.length - 1]];
    if (!first || last.at - first.at < LEAST_MS || last.work === first.work) return null;
    const perMs = (last.work - first.work) / (last.at - first.at);
    return (bytes + files * REQUEST_BYTES) / perMs / 1000;
  }
}

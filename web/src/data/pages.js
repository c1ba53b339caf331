// @ts-check
/** The pages of a file, read as they come into sight; pictures that are still being drawn are asked for again. */
import { signal } from "@preact/signals";
import { isOut, pause } from "../api.js";
import { problemText } from "../sentences.js";
import { api } from "../session.js";

/**
 * @typedef {{text: string, box: [number, number, number, number], confidence: number}} Word
 * @typedef {{number: number, width: number, height: number, image: {url: string} | null, image_state: string, words: Word[]}} PageView
 */

const AT_ONCE = 4;
const DRAWING_MS = 700;
const MOST_ATTEMPTS = 60;

export class Pages {
  /** @param {string} fileId */
  constructor(fileId) {
    this.fileId = fileId;
    this.count = signal(0);
    /** @type {import("@preact/signals").Signal<ReadonlyMap<number, PageView>>} */
    this.pages = signal(new Map());
    this.problem = signal("");
    this.isRead = signal(false);
    this.reading = new Set();
    this.stopped = new AbortController();
  }

  stop() {
    this.stopped.abort();
  }

  /** Read some pages from this one on, unless they were read. @param {number} number */
  async read(number) {
    if (this.reading.has(number) || this.pages.value.has(number)) return;
    this.reading.add(number);
    try {
      for (let attempt = 1; attempt <= MOST_ATTEMPTS && !this.stopped.signal.aborted; attempt += 1) {
        const path = `/files/${this.fileId}/pages?number=${number}&limit=${AT_ONCE}`;
        const found = await api.get(path, { signal: this.stopped.signal });
        this.problem.value = "";
        this.count.value = found.page_count;
        this.pages.value = new Map([...this.pages.value, ...found.pages.map((/** @type {PageView} */ page) => [page.number, page])]);
        this.isRead.value = true;
        if (!found.pages.some((/** @type {PageView} */ page) => page.image_state === "drawing")) return;
        await pause(DRAWING_MS, this.stopped.signal);
      }
    } catch (error) {
      if (!this.stopped.signal.aborted && isOut(error)) this.problem.value = problemText(error);
    } finally {
      this.reading.delete(number);
      this.isRead.value = true;
    }
  }
}

/**
 * The words from one to another in reading order, as text and as the box around them.
 * @param {Word[]} words
 * @returns {{text: string, box: [number, number, number, number]} | null}
 */
export function joined(words) {
  if (words.length === 0) return null;
  const edge = (/** @type {number} */ index, /** @type {(...numbers: number[]) => number} */ pick) => pick(...words.map(({ box }) => box[index]));
  return {
    text: words.map(({ text }) => text).join(" "),
    box: [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)],
  };
}

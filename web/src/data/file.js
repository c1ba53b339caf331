// @ts-check
/** One file with all that the API shows of it, and what a person changes of its record. */
import { signal } from "@preact/signals";
import { problemText } from "../sentences.js";
import { api } from "../session.js";

export class FileDetails {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.file = signal(/** @type {any} */ (null));
    this.problem = signal("");
    this.isGone = signal(false);
    this.isReading = false;
    this.mustRead = false;
    /** Changes are sent one after the other, because each names the version that it changes. */
    this.last = /** @type {Promise<unknown>} */ (Promise.resolve());
  }

  async read() {
    if (this.isReading) {
      this.mustRead = true;
      return;
    }
    this.isReading = true;
    do {
      this.mustRead = false;
      try {
        this.file.value = await api.get(`/files/${this.id}`);
        this.problem.value = "";
        this.isGone.value = false;
      } catch (error) {
        this.isGone.value = /** @type {any} */ (error).status === 404;
        this.problem.value = problemText(error);
      }
    } while (this.mustRead);
    this.isReading = false;
  }

  /**
   * Set values of a document, or reset them to what extraction found. Rejects with the API's problem.
   * @param {number} number the document's, from 1
   * @param {{fields?: Record<string, any>, reset?: string[], evidence?: Record<string, any>}} change
   */
  correct(number, change) {
    return this.#change(() => {
      const { records } = this.file.value;
      const body = { ...change, ...(records.length > 1 ? { document: number } : {}) };
      return api.call("PATCH", `/files/${this.id}/record`, body, { headers: { "If-Match": this.#tag } });
    });
  }

  /** @param {"open" | "approved" | "rejected"} state */
  review(state) {
    return this.#change(() => api.call("PUT", `/files/${this.id}/review`, { state }, { headers: { "If-Match": this.#tag } }));
  }

  get #tag() {
    return `"${this.file.value.artifacts.record.version}"`;
  }

  /** @param {() => Promise<any>} send */
  async #change(send) {
    const turn = this.last.catch(() => {}).then(send);
    this.last = turn;
    try {
      const { records, ...record } = await turn;
      const file = this.file.value;
      this.file.value = { ...file, records, review: record.review, artifacts: { ...file.artifacts, record } };
    } catch (error) {
      if (/** @type {any} */ (error).code === "precondition_failed") await this.read();
      throw error;
    }
  }
}

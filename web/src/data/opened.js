// @ts-check
/** The dataset that is open. It stays open while a file of it is shown, so that the table keeps its place. */

/** @typedef {import("./dataset.js").Dataset} Dataset */

export const opened = { dataset: /** @type {Dataset | null} */ (null) };

export function closeDataset() {
  opened.dataset?.close();
  opened.dataset = null;
}

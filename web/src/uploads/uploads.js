// @ts-check
/** All uploads of this tab, by dataset. They continue while the person looks at other screens. */
import { signal } from "@preact/signals";
import { sayError } from "../parts/toasts.js";

/** @typedef {import("./drop.js").Picked} Picked */
/** @typedef {import("./run.js").UploadRun} UploadRun */

/** @type {import("@preact/signals").Signal<ReadonlyMap<string, readonly UploadRun[]>>} */
export const runs = signal(new Map());

/** The uploads into a dataset, the oldest first. @param {string} datasetId @returns {readonly UploadRun[]} */
export const runsOf = (datasetId) => runs.value.get(datasetId) ?? [];

/** What is asked for the files that come next, by dataset, until the tab is closed. @type {import("@preact/signals").Signal<ReadonlyMap<string, import("./asked.js").Asked>>} */
export const asked = signal(new Map());
const NOTHING = {};

/** @param {string} datasetId @returns {import("./asked.js").Asked} */
export const askedFor = (datasetId) => asked.value.get(datasetId) ?? NOTHING;

/** What sends files is loaded when it is first needed, or when the page has nothing else to do. */
export const engine = () => import("./begin.js");

/** Upload files into a dataset. @param {string} datasetId @param {Picked[]} picked */
export async function upload(datasetId, picked) {
  if (picked.length === 0) return;
  const options = askedFor(datasetId); // those of now: they may be changed while the engine is loaded
  try {
    (await engine()).begin(datasetId, picked, options);
  } catch (error) {
    sayError(error);
  }
}

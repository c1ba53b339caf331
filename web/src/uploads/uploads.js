// @ts-check
/** All uploads of this tab, by dataset. They continue while the person looks at other screens. */
import { signal } from "@preact/signals";
import { sayError } from "../parts/toasts.js";

/** @typedef {import("./drop.js").Picked} Picked */

/** @type {import("@preact/signals").Signal<ReadonlyMap<string, import("./run.js").UploadRun>>} */
export const runs = signal(new Map());

/** What sends files is loaded when it is first needed, or when the page has nothing else to do. */
export const engine = () => import("./begin.js");

/** Upload files into a dataset, as part of its running upload if there is one. @param {string} datasetId @param {Picked[]} picked */
export async function upload(datasetId, picked) {
  if (picked.length === 0) return;
  try {
    (await engine()).begin(datasetId, picked);
  } catch (error) {
    sayError(error);
  }
}

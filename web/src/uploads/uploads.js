// @ts-check
/** All uploads of this tab, by dataset. They continue while the person looks at other screens. */
import { signal } from "@preact/signals";
import { api } from "../session.js";
import { UploadRun } from "./run.js";

/** @typedef {import("./drop.js").Picked} Picked */

/** @type {import("@preact/signals").Signal<ReadonlyMap<string, UploadRun>>} */
export const runs = signal(new Map());

/** Upload files into a dataset, as part of its running upload if there is one. @param {string} datasetId @param {Picked[]} picked */
export function upload(datasetId, picked) {
  if (picked.length === 0) return;
  let run = runs.value.get(datasetId);
  if (!run?.isActive) {
    run = new UploadRun(api, datasetId);
    runs.value = new Map([...runs.value, [datasetId, run]]);
  }
  void run.add(picked);
}

/** Upload files although the dataset has the same content. @param {string} datasetId @param {Picked[]} picked */
export function uploadAgain(datasetId, picked) {
  const run = new UploadRun(api, datasetId, { allowsDuplicates: true });
  runs.value = new Map([...runs.value, [datasetId, run]]);
  void run.add(picked);
}

/** Close the strip of an upload that has ended. @param {string} datasetId */
export function dismiss(datasetId) {
  runs.value = new Map([...runs.value].filter(([id]) => id !== datasetId));
}

/** Ask before the tab is closed while files are being sent. */
export function warnBeforeLeaving() {
  addEventListener("beforeunload", (event) => {
    if ([...runs.value.values()].some((run) => run.isActive)) event.preventDefault();
  });
}

// @ts-check
/** Begins uploads, and asks before a tab is closed that still sends. */
import { api } from "../session.js";
import { UploadRun } from "./run.js";
import { runs } from "./uploads.js";

/** @typedef {import("./drop.js").Picked} Picked */

/** @param {string} datasetId @param {Picked[]} picked */
export function begin(datasetId, picked) {
  const running = runs.value.get(datasetId);
  void (running?.isActive ? running : added(datasetId, new UploadRun(api, datasetId))).add(picked);
}

/** Upload files although the dataset has the same content. @param {string} datasetId @param {Picked[]} picked */
export function beginAgain(datasetId, picked) {
  void added(datasetId, new UploadRun(api, datasetId, { allowsDuplicates: true })).add(picked);
}

/** Close the strip of an upload that has ended. @param {string} datasetId */
export function dismiss(datasetId) {
  runs.value = new Map([...runs.value].filter(([id]) => id !== datasetId));
}

/** @param {string} datasetId @param {UploadRun} run */
function added(datasetId, run) {
  addEventListener("beforeunload", warn); // a second registration of the same function has no effect
  runs.value = new Map([...runs.value, [datasetId, run]]);
  return run;
}

/** @param {BeforeUnloadEvent} event */
function warn(event) {
  if ([...runs.value.values()].some((run) => run.isActive)) event.preventDefault();
}

// @ts-check
/** Begins uploads, and asks before a tab is closed that still sends. */
import { api } from "../session.js";
import { UploadRun } from "./run.js";
import { runs, runsOf } from "./uploads.js";

/** @typedef {import("./drop.js").Picked} Picked */

/**
 * Upload files as part of a running upload that asks the same, if there is one.
 * @param {string} datasetId @param {Picked[]} picked @param {import("./asked.js").Asked} asked
 */
export function begin(datasetId, picked, asked) {
  const running = runsOf(datasetId).find((run) => run.isActive && run.asked === asked);
  void (running ?? added(new UploadRun(api, datasetId, asked))).add(picked);
}

/** Upload files of an upload that has ended although the dataset has the same content. @param {UploadRun} run @param {Picked[]} picked */
export function beginAgain(run, picked) {
  dismiss(run);
  void added(new UploadRun(api, run.datasetId, { ...run.asked, allowsDuplicates: true })).add(picked);
}

/** Close the strip of an upload that has ended. @param {UploadRun} run */
export const dismiss = (run) => keep(run.datasetId, (one) => one !== run);

/** @param {UploadRun} run */
function added(run) {
  addEventListener("beforeunload", warn); // a second registration of the same function has no effect
  keep(run.datasetId, (one) => one.isActive); // those that have ended make way
  runs.value = new Map([...runs.value, [run.datasetId, [...runsOf(run.datasetId), run]]]);
  return run;
}

/** @param {string} datasetId @param {(run: UploadRun) => boolean} isKept */
function keep(datasetId, isKept) {
  runs.value = new Map([...runs.value, [datasetId, runsOf(datasetId).filter(isKept)]]);
}

/** @param {BeforeUnloadEvent} event */
function warn(event) {
  if ([...runs.value.values()].flat().some((run) => run.isActive)) event.preventDefault();
}

// @ts-check
/** The address of the page: which screen is shown. The fragment holds it, because the server has one page only. */
import { signal } from "@preact/signals";

/**
 * @typedef {{screen: "datasets"} | {screen: "operations"} | {screen: "dataset", datasetId: string}
 *   | {screen: "file", datasetId: string, fileId: string}} Place
 */

/**
 * The screen that a fragment names. An unknown fragment names the first screen.
 * @param {string} hash
 * @returns {Place}
 */
export function placeOf(hash) {
  const parts = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (parts[0] === "operations") return { screen: "operations" };
  if (parts[0] === "datasets" && parts[2] === "files" && parts[3]) {
    return { screen: "file", datasetId: parts[1], fileId: parts[3] };
  }
  if (parts[0] === "datasets" && parts[1]) return { screen: "dataset", datasetId: parts[1] };
  return { screen: "datasets" };
}

/** The fragment of a place. @param {Place} place */
export function addressOf(place) {
  if (place.screen === "operations") return "#/operations";
  if (place.screen === "dataset") return `#/datasets/${place.datasetId}`;
  if (place.screen === "file") return `#/datasets/${place.datasetId}/files/${place.fileId}`;
  return "#/";
}

export const place = signal(/** @type {Place} */ ({ screen: "datasets" }));

export function start() {
  const read = () => (place.value = placeOf(location.hash));
  addEventListener("hashchange", read);
  read();
}

/** @param {Place} to @param {boolean} [replaces] whether the history keeps no entry of the present place */
export function go(to, replaces = false) {
  if (replaces) {
    history.replaceState(null, "", addressOf(to));
    place.value = to;
  } else {
    location.hash = addressOf(to);
  }
}

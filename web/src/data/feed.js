// @ts-check
/**
 * Live changes of a dataset. All tabs share one connection: the tab that holds a lock asks the API and tells the others.
 *
 * Browsers open few connections to a host, and calls that wait for changes would block all others.
 */
import { pause, Problem, query } from "../api.js";

const WAIT_S = 20;
const BETWEEN_MS = 750;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Follow a dataset from a cursor until `stop` is called.
 * @param {import("../api.js").Api} api
 * @param {string} datasetId
 * @param {string} cursor
 * @param {{onChange: (files: any[], removed: string[]) => void, onState: (isConnected: boolean) => void,
 *   onReset: () => void}} handlers `onReset`: the cursor is no longer accepted
 * @returns {{stop: () => void}}
 */
export function follow(api, datasetId, cursor, handlers) {
  const ending = new AbortController();
  const channel = new BroadcastChannel(`fairway.changes.${datasetId}`);
  let position = cursor;
  channel.onmessage = ({ data }) => {
    position = data.cursor;
    handlers.onState(data.isConnected);
    if (data.files) handlers.onChange(data.files, data.removed);
  };
  /** @param {any} message */
  const share = (message) => channel.postMessage({ cursor: position, ...message });

  async function lead() {
    let failures = 0;
    while (!ending.signal.aborted) {
      try {
        const path = `/datasets/${datasetId}/changes${query({ after: position, wait_s: WAIT_S, view: "row" })}`;
        const began = performance.now();
        const changes = await api.call("GET", path, undefined, { signal: ending.signal, once: true, heldMs: 1000 * WAIT_S });
        position = changes.cursor;
        failures = 0;
        handlers.onState(true);
        share({ isConnected: true, files: changes.files, removed: changes.removed });
        await turn(); // the answer was read in this task, and is drawn in the next one
        if (ending.signal.aborted) return;
        if (changes.files.length || changes.removed.length) handlers.onChange(changes.files, changes.removed);
        await pause(nextPause(changes, performance.now() - began), ending.signal);
      } catch (error) {
        if (ending.signal.aborted) return;
        if (error instanceof Problem && [400, 401, 404].includes(error.status)) {
          if (error.status === 400) handlers.onReset();
          return;
        }
        failures += 1;
        handlers.onState(false);
        share({ isConnected: false });
        await pause(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures), ending.signal);
      }
    }
  }

  // Locks exist only on secure origins; elsewhere each tab asks for itself.
  if (navigator.locks) {
    navigator.locks.request(`fairway.changes.${datasetId}`, { signal: ending.signal }, lead).catch(() => {});
  } else {
    void lead();
  }
  return {
    stop() {
      ending.abort();
      channel.close();
    },
  };
}

/** Let the page do other work. @returns {Promise<unknown>} */
const turn = () => /** @type {any} */ (globalThis).scheduler?.yield?.() ?? pause(0);

/**
 * The pause before the next call, in milliseconds.
 * @param {{has_more: boolean, files: any[], removed: string[], poll_after_s: number}} changes
 * @param {number} tookMs how long the call took: a host that cannot hold a call answers at once
 */
export function nextPause(changes, tookMs) {
  if (changes.has_more) return 0;
  if (changes.files.length || changes.removed.length) return BETWEEN_MS;
  return tookMs < 1000 ? 1000 * changes.poll_after_s : 0;
}

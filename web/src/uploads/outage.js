// @ts-check
/** Goes on after outages: a call that found no answer is repeated until there is one. */
import { isOut, pause } from "../api.js";
import { Unreachable } from "./transfer.js";

const PAUSE_MS = 3000;

/**
 * The result of `act`, which is repeated while the API or the store cannot be reached. `onOutage` is called before each pause.
 * @template T @param {() => Promise<T>} act @param {() => void} onOutage @returns {Promise<T>}
 */
export async function insist(act, onOutage) {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isOutage(error)) throw error;
      onOutage();
      await pause(PAUSE_MS);
    }
  }
}

/** @param {unknown} error */
export const isOutage = (error) => error instanceof Unreachable || isOut(error);

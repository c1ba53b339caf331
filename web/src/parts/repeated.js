// @ts-check
/** What a screen reads again and again while it is in sight. */
import { useEffect } from "preact/hooks";

const AGAIN_MS = 4000;

/**
 * Call `read` at once, and again after each pause. A call that takes long is not repeated meanwhile: a browser has few
 * connections to a host.
 * @param {() => Promise<void>} read rejects never @param {number} pauseMs
 */
export function useRepeated(read, pauseMs) {
  useEffect(() => {
    let timer = /** @type {any} */ (0);
    let isShown = true;
    const again = async () => {
      if (!document.hidden) await read();
      if (isShown) timer = setTimeout(again, pauseMs);
    };
    void again();
    return () => {
      isShown = false;
      clearTimeout(timer);
    };
  }, []);
}

/** Call `again` every few seconds while there is a problem. @param {string} problem @param {() => unknown} again @param {unknown} of what it reads */
export function useAgain(problem, again, of) {
  useEffect(() => {
    if (!problem) return;
    const timer = setInterval(again, AGAIN_MS);
    return () => clearInterval(timer);
  }, [problem, of]);
}

// @ts-check
/** What a key does in the table, and which keys are meant for a field. */

/**
 * @typedef {{kind: "move", by: number, isPage: boolean, to: "start" | "end" | null, extends: boolean}
 *   | {kind: "toggle" | "open" | "remove" | "retry" | "chooseAll" | "clear"}} Command
 */

/**
 * @param {{key: string, shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} event
 * @returns {Command | null}
 */
export function commandOf({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  if (altKey) return null;
  if (ctrlKey || metaKey) return key.toLowerCase() === "a" ? { kind: "chooseAll" } : null;
  const move = (/** @type {Partial<{by: number, isPage: boolean, to: "start" | "end" | null}>} */ how) =>
    /** @type {Command} */ ({ kind: "move", by: 0, isPage: false, to: null, extends: shiftKey, ...how });
  switch (key) {
    case "ArrowDown": return move({ by: 1 });
    case "ArrowUp": return move({ by: -1 });
    case "PageDown": return move({ by: 1, isPage: true });
    case "PageUp": return move({ by: -1, isPage: true });
    case "Home": return move({ to: "start" });
    case "End": return move({ to: "end" });
    case " ": return { kind: "toggle" };
    case "Enter": return { kind: "open" };
    case "Delete": return { kind: "remove" };
    case "r": case "R": return { kind: "retry" };
    case "Escape": return { kind: "clear" };
    default: return null;
  }
}

/** Whether a key is meant for a field, not for the screen. @param {KeyboardEvent} event */
export const isTyping = (event) => /^(INPUT|TEXTAREA|SELECT)$/.test(/** @type {Element} */ (event.target).tagName ?? "");

/** Whether the focus went away with what had it. */
export const isNothingFocused = () => document.activeElement === null || document.activeElement === document.body;

/** @param {Element | null} element */
export const focusOn = (element) => /** @type {HTMLElement | null} */ (element)?.focus({ preventScroll: true });

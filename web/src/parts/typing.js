// @ts-check
/** Whether a key is meant for a field, not for the screen. */

/** @param {KeyboardEvent} event */
export const isTyping = (event) => /^(INPUT|TEXTAREA|SELECT)$/.test(/** @type {Element} */ (event.target).tagName ?? "");

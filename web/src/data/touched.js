// @ts-check
/** Which words of a page a finger means: words on a phone are far smaller than a fingertip. */

/** @typedef {import("./pages.js").Word} Word */
/** @typedef {{x: number, y: number}} Point in pixels, from the page's upper left corner */
/** @typedef {{page: number, anchor: number, head: number}} Taken words of a page, from the index that stays to the one that moves */

/**
 * The index of the word nearest to a point, or -1 if all are further away than `reach`.
 * @param {readonly Word[]} words @param {Point} point @param {{width: number, height: number}} size of the page, in pixels
 * @param {number} [reach]
 */
export function nearest(words, { x, y }, { width, height }, reach = Infinity) {
  let found = -1;
  let least = reach;
  words.forEach(({ box: [left, top, right, bottom] }, index) => {
    const aside = Math.max(left * width - x, 0, x - right * width);
    const above = Math.max(top * height - y, 0, y - bottom * height);
    const distance = Math.hypot(aside, above);
    if (distance > least || (distance === least && found >= 0)) return;
    found = index;
    least = distance;
  });
  return found;
}

/** The indexes of the first and the last word. @param {Taken} taken */
export const endsOf = ({ anchor, head }) => ({ first: Math.min(anchor, head), last: Math.max(anchor, head) });

/** The words in reading order. @param {readonly Word[]} words @param {Taken} taken */
export function wordsOf(words, taken) {
  const { first, last } = endsOf(taken);
  return words.slice(first, last + 1);
}

/** The same words, of which the other end stays while this one moves. @param {Taken} taken @param {"first" | "last"} end @param {number} to @returns {Taken} */
export function moved(taken, end, to) {
  const { first, last } = endsOf(taken);
  return { page: taken.page, anchor: end === "first" ? last : first, head: to };
}

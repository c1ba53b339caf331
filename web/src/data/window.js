// @ts-check
/** Which rows of a long table are drawn: those in sight and a few around them. */

const AROUND = 8;

/**
 * @param {{scrollTop: number, height: number, rowHeight: number, total: number}} view in pixels and rows
 * @returns {{first: number, end: number, firstSeen: number}}
 */
export function windowOf({ scrollTop, height, rowHeight, total }) {
  const firstSeen = Math.min(Math.max(0, Math.floor(scrollTop / rowHeight)), Math.max(0, total - 1));
  const seen = Math.ceil(height / rowHeight) + 1;
  return { first: Math.max(0, firstSeen - AROUND), end: Math.min(total, firstSeen + seen + AROUND), firstSeen };
}

/**
 * The scroll position that brings a row into sight, or null where it is in sight already.
 * @param {number} index
 * @param {{scrollTop: number, height: number, rowHeight: number}} view
 */
export function scrollTo(index, { scrollTop, height, rowHeight }) {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height;
  return null;
}

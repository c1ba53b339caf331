// @ts-check
/**
 * Words of a page by touch: a tap takes one, a drag along a line several, and handles move the first and the last of them.
 *
 * A drag downwards scrolls, and two fingers zoom: the browser does both, and then ends the gesture here. A handle that is
 * tapped moves with the next tap on a word, so that nothing needs a drag.
 */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { placed } from "../data/evidence.js";
import { endsOf, moved, nearest, wordsOf } from "../data/touched.js";
import { html } from "../html.js";

/** @typedef {import("../data/touched.js").Taken} Taken */
/** @typedef {"first" | "last"} End */
/** @typedef {{x: number, y: number, index: number, end: End | null, before: Taken | null, isDragged: boolean, off: {x: number, y: number}}} Gesture */

/** A finger may be this far from the word that it means, and move as little without being a drag. */
const REACH_PX = 24;
const STILL_PX = 8;
const GRIP_PX = 28;

/**
 * The listeners of a page's figure, and what is drawn over its words.
 * @param {{number: number, page: import("../data/pages.js").PageView | null, taken: import("@preact/signals").Signal<Taken | null>,
 *   onWords: ((words: import("../data/pages.js").Word[]) => void) | null}} options
 */
export function useTouch({ number, page, taken, onWords }) {
  const gesture = useRef(/** @type {Gesture | null} */ (null));
  /** The handle that the next tap moves. */
  const held = useSignal(/** @type {End | null} */ (null));
  if (!page || !onWords) return { listeners: {}, layer: null };
  const { words } = page;
  const at = (/** @type {any} */ event, off = { x: 0, y: 0 }) => {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    return { point: { x: event.clientX - left - off.x, y: event.clientY - top - off.y }, size: { width, height } };
  };
  const send = () => taken.value && onWords(wordsOf(words, taken.value));

  const onPointerDown = (/** @type {any} */ event) => {
    if (event.pointerType === "mouse") return;
    if (!event.isPrimary) return cancel();
    const end = event.target.dataset.grip ?? null;
    const { point, size } = at(event);
    const index = end && taken.value ? endsOf(taken.value)[/** @type {End} */ (end)] : nearest(words, point, size, REACH_PX);
    const off = end ? offOf(point, size, words[index].box, end) : { x: 0, y: 0 };
    gesture.current = { x: event.clientX, y: event.clientY, index, end, before: taken.value, isDragged: false, off };
  };
  const onPointerMove = (/** @type {any} */ event) => {
    const now = gesture.current;
    if (!now || !event.isPrimary || now.index < 0) return;
    if (!now.isDragged) {
      const [aside, above] = [Math.abs(event.clientX - now.x), Math.abs(event.clientY - now.y)];
      if (Math.max(aside, above) < STILL_PX) return;
      if (!now.end && above > aside) return void (gesture.current = null); // it scrolls
      event.currentTarget.setPointerCapture(event.pointerId);
      now.isDragged = true;
      held.value = null;
    }
    const { point, size } = at(event, now.off);
    const head = nearest(words, point, size);
    taken.value = now.end && now.before ? moved(now.before, now.end, head) : { page: number, anchor: now.index, head };
  };
  const onPointerUp = (/** @type {any} */ event) => {
    const now = gesture.current;
    if (!now || !event.isPrimary) return;
    gesture.current = null;
    if (now.isDragged) return send();
    if (now.end) return (held.value = held.value === now.end ? null : now.end);
    if (now.index < 0) taken.value = null;
    else if (held.value && now.before?.page === number) taken.value = moved(now.before, held.value, now.index);
    else taken.value = { page: number, anchor: now.index, head: now.index };
    held.value = null;
    return send();
  };
  const cancel = () => {
    if (gesture.current?.isDragged) taken.value = gesture.current.before;
    gesture.current = null;
  };
  return {
    listeners: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: cancel },
    layer: html`<${Layer} number=${number} words=${words} taken=${taken} held=${held} />`,
  };
}

/** How far a finger on a handle is from the edge of the word that it moves. @param {{x: number, y: number}} point @param {{width: number, height: number}} size @param {number[]} box @param {End} end */
function offOf(point, { width, height }, [left, top, right, bottom], end) {
  return { x: point.x - (end === "first" ? left : right) * width, y: point.y - ((top + bottom) / 2) * height };
}

/**
 * What is drawn of the taken words. It reads the signals itself, so that a drag does not draw all words of the page again.
 * @param {{number: number, words: import("../data/pages.js").Word[], taken: import("@preact/signals").Signal<Taken | null>,
 *   held: import("@preact/signals").Signal<End | null>}} props
 */
function Layer({ number, words, taken, held }) {
  const now = taken.value;
  if (now?.page !== number) return null;
  const { first, last } = endsOf(now);
  return html`<div class="taken" aria-hidden="true">
    ${wordsOf(words, now).map((word, index) => html`<i key=${index} class="mark" style=${placed(word.box)}></i>`)}
    ${grip("first", words[first].box[0], `- ${GRIP_PX}px`, words[first].box[3], held.value)}
    ${grip("last", words[last].box[2], "+ 0px", words[last].box[3], held.value)}
  </div>`;
}

/** A handle below an edge of a word, within the page. @param {End} end @param {number} x @param {string} aside @param {number} y @param {End | null} held */
function grip(end, x, aside, y, held) {
  const most = `calc(100% - ${GRIP_PX}px)`;
  const style = { left: `clamp(0px, calc(${100 * x}% ${aside}), ${most})`, top: `min(${100 * y}%, ${most})` };
  return html`<i key=${end} class=${held === end ? `grip ${end} held` : `grip ${end}`} data-grip=${end} style=${style}></i>`;
}

// @ts-check
/** The recent course of a figure, kept in this tab, and its picture as a line. */
import { html } from "../html.js";

const KEPT = 60;

/** Series of numbers by name, each with the newest `KEPT` values. */
export class Course {
  constructor() {
    /** @type {Map<string, number[]>} */
    this.series = new Map();
  }

  /** @param {string} name @param {number} value */
  add(name, value) {
    this.series.set(name, [...(this.series.get(name) ?? []), value].slice(-KEPT));
  }

  /** @param {string} name */
  of(name) {
    return this.series.get(name) ?? [];
  }
}

/** The points of a line in a box of this size; the highest value touches the upper edge. @param {number[]} values @param {number} width @param {number} height */
export function pointsOf(values, width, height) {
  const highest = Math.max(...values, 1e-9);
  const step = width / Math.max(1, KEPT - 1);
  const start = width - step * (values.length - 1);
  return values.map((value, index) => `${(start + index * step).toFixed(1)},${(height - (height - 2) * (value / highest) - 1).toFixed(1)}`).join(" ");
}

/** @param {{values: number[], label: string}} props */
export function Line({ values, label }) {
  if (values.length < 2) return html`<span class="line-space"></span>`;
  return html`<svg class="line" viewBox="0 0 120 24" width="120" height="24" role="img" aria-label=${label}>
    <polyline points=${pointsOf(values, 120, 24)} />
  </svg>`;
}

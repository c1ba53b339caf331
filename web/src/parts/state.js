// @ts-check
/** A file's state, as a sign with a word; its three pipelines at a glance; why it waits or failed. */
import { html } from "../html.js";
import { has, t } from "../i18n.js";
import { causeText, waitingText } from "../sentences.js";
import { Icon } from "./icons.js";

/** @typedef {import("../data/row.js").Row} Row */

/** @type {Record<string, "check" | "warning" | "cross" | "clock" | "upload" | "gear" | "dash">} */
const SIGNS = {
  done: "check",
  partial: "warning",
  failed: "cross",
  upload_missing: "cross",
  processing: "gear",
  uploading: "upload",
  cancelled: "dash",
  skipped: "dash",
  running: "gear",
  queued: "clock",
  retrying: "clock",
  parked: "clock",
  waiting: "clock",
};

/** @param {string} state */
export const stateName = (state) => (has(`state.${state}`) ? t(`state.${state}`) : state);
/** @param {string} step */
export const stepName = (step) => (has(`step.${step}`) ? t(`step.${step}`) : step);

/** @param {{state: string, text?: string}} props */
export function StateSign({ state, text }) {
  return html`<span class=${`state ${state}`}>${Icon({ name: SIGNS[state] ?? "dash", size: 14 })}${text ?? stateName(state)}</span>`;
}

/** @param {string} name */
export const pipelineName = (name) => (has(`pipeline.${name}`) ? t(`pipeline.${name}`) : name);

/** What happens to a file now, in a few words. @param {Row} row */
export function activity(row) {
  if (row.state !== "processing") return stateName(row.state);
  if (row.waiting && row.waiting.reason !== "at_work") return t(`waiting.${row.waiting.reason}`);
  return row.stage ? stepName(row.stage) : stateName(row.state);
}

/** Why a file waits or has failed, as a sentence; empty if there is nothing to explain. @param {Row} row */
export function explanation(row) {
  if (row.error) return causeText(row.error);
  if (row.waiting) return waitingText(row.waiting);
  return row.missing.length ? t("row.missing", { names: row.missing.join(", ") }) : "";
}

/** One mark for each pipeline, by its state. @param {{row: Row}} props */
export function Pipelines({ row }) {
  const all = Object.entries(row.pipelines);
  if (all.length === 0) return null;
  const label = all.map(([name, state]) => `${pipelineName(name)}: ${stateName(state)}`).join("; ");
  return html`<span class="pipelines" role="img" aria-label=${label} title=${label}>
    ${all.map(([name, state]) => html`<i key=${name} class=${`dot ${state}`}></i>`)}
  </span>`;
}

/** What a person has decided about a record, or should. @param {{review: string | null}} props */
export function ReviewSign({ review }) {
  if (review !== "approved" && review !== "rejected") return null;
  return html`<span class=${`review-state ${review}`} title=${t(`review.${review}`)}>
    ${Icon({ name: review === "approved" ? "check" : "cross", size: 12 })}<span class="hidden">${t(`review.${review}`)}</span>
  </span>`;
}

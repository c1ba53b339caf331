// @ts-check
/** Small pictures for buttons and states, drawn in the colour of the text. */
import { html } from "../html.js";

const PATHS = {
  upload: "M8 11V3m0 0L5 6m3-3 3 3M3 13h10",
  folder: "M2 4.5h4l1.5 2H14v6.5H2z",
  pause: "M6 4v8M10 4v8",
  play: "M5 3.5v9l7-4.5z",
  close: "M4 4l8 8m0-8-8 8",
  trash: "M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.7 9h5.6l.7-9",
  retry: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5V5h-2.5",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zm3.3-1.2L14 14",
  check: "M3 8.5l3.5 3.5L13 5",
  warning: "M8 2.5 14.5 13.5h-13zM8 6.5v3.2m0 1.6v.2",
  cross: "M4.5 4.5l7 7m0-7-7 7",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zm0-9v3.2l2.2 1.3",
  gear: "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM8 2v1.6m0 8.8V14m6-6h-1.6M3.6 8H2m10.2-4.2-1.1 1.1M4.9 11.1l-1.1 1.1m8.4 0-1.1-1.1M4.9 4.9 3.8 3.8",
  dash: "M4 8h8",
  plus: "M8 3v10M3 8h10",
  back: "M9.5 3.5 5 8l4.5 4.5",
  forward: "M6.5 3.5 11 8l-4.5 4.5",
  download: "M8 3v8m0 0 3-3m-3 3L5 8M3 13.5h10",
  edit: "M3 13l.6-2.8 7.2-7.2 2.2 2.2-7.2 7.2z",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.5v1.3m0 10.4v1.3M14.5 8h-1.3M2.8 8H1.5m11.1-4.6-.9.9M4.3 11.7l-.9.9m9.2 0-.9-.9M4.3 4.3l-.9-.9",
  moon: "M13 9.5A5.5 5.5 0 1 1 6.5 3 4.5 4.5 0 0 0 13 9.5z",
  auto: "M8 14A6 6 0 1 0 8 2zm0 0V2",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
};

/** @param {{name: keyof typeof PATHS, size?: number}} props */
export function Icon({ name, size = 16 }) {
  return html`<svg class="icon" viewBox="0 0 16 16" width=${size} height=${size} aria-hidden="true" focusable="false">
    <path d=${PATHS[name]} />
  </svg>`;
}

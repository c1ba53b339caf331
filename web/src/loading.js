// @ts-check
/** In which order the page loads: the modules of the screen at once, and after the first rows the other texts and styles. */
import { readRest } from "./i18n.js";

let rest = /** @type {Promise<unknown> | null} */ (null);

/** Request the modules of a screen, which the page names, so that no module waits for another to be read. @param {string} screen */
export function preload(screen) {
  const list = document.querySelector(`meta[name="modules-of-${screen}"]`);
  for (const name of list?.getAttribute("content")?.split(" ") ?? []) addLink("modulepreload", name);
  list?.remove(); // once is enough
}

/** Resolves once all texts and styles are there. After a failure, the next call tries again. */
export function later() {
  rest ??= Promise.all([readRest(), styles()]).catch((error) => {
    rest = null;
    throw error;
  });
  return rest;
}

/** @returns {Promise<void>} */
function styles() {
  return new Promise((resolve, reject) => {
    const link = addLink("stylesheet", "styles/later.css");
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      reject(new TypeError("the styles were not loaded"));
    };
  });
}

/** @param {string} rel @param {string} name */
function addLink(rel, name) {
  const link = document.createElement("link");
  link.rel = rel;
  link.href = new URL(`../${name}`, import.meta.url).href;
  document.head.append(link);
  return link;
}

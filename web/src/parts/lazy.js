// @ts-check
/** What is loaded when it is first needed: parts, the modules of a screen, and after the first rows the other texts and styles. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { html } from "../html.js";
import { readRest, t } from "../i18n.js";

/** Parts that were loaded, by what loads them: they are shown at once the next time. @type {Map<Function, (props: any) => any>} */
const loaded = new Map();

/**
 * @param {{load: () => Promise<(props: any) => any>, props?: Record<string, any>, isQuiet?: boolean, isFirst?: boolean}} props
 *   `props`: those of the part; `isQuiet`: nothing stands in its place until it is loaded; `isFirst`: it needs only the first
 *   texts and styles
 */
export function Lazy({ load, props = {}, isQuiet = false, isFirst = false }) {
  const problem = useSignal("");
  const isLoaded = useSignal(loaded.has(load));
  useEffect(() => {
    if (isLoaded.value) return;
    Promise.all([load(), isFirst ? null : later()]).then(
      ([found]) => {
        loaded.set(load, found);
        isLoaded.value = true;
      },
      () => (problem.value = t("error.network")),
    );
  }, []);
  if (isLoaded.value) return html`<${loaded.get(load)} ...${props} />`;
  if (problem.value) return html`<p class="problem" role="alert">${problem.value}</p>`;
  return isQuiet ? null : html`<p class="faint">${t("loading")}</p>`;
}

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
  link.href = new URL(`../../${name}`, import.meta.url).href;
  document.head.append(link);
  return link;
}

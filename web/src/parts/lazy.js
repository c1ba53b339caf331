// @ts-check
/** A part whose module is loaded when it is first shown. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { later } from "../loading.js";

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

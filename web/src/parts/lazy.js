// @ts-check
/** A part whose module is loaded when it is first shown. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../i18n.js";

/** @param {{load: () => Promise<(props: any) => any>, props?: Record<string, any>}} props `props`: those of the part */
export function Lazy({ load, props = {} }) {
  const part = useSignal(/** @type {{Part: (props: any) => any} | null} */ (null));
  const problem = useSignal("");
  useEffect(() => {
    load().then(
      (Part) => (part.value = { Part }),
      () => (problem.value = t("error.network")),
    );
  }, []);
  if (problem.value) return html`<p class="problem" role="alert">${problem.value}</p>`;
  return part.value ? html`<${part.value.Part} ...${props} />` : html`<p class="faint">${t("loading")}</p>`;
}

// @ts-check
/** The whole page: the bar at the top and the screen that the address names. */
import { html } from "./html.js";
import { t } from "./i18n.js";
import { Lazy } from "./parts/lazy.js";
import { Toasts } from "./parts/toasts.js";
import { TopBar } from "./parts/top_bar.js";
import { place } from "./router.js";
import { isStarting, may, me } from "./session.js";

const signIn = () => import("./screens/sign_in.js").then((module) => module.SignIn);
const datasets = () => import("./screens/datasets.js").then((module) => module.DatasetsScreen);
const dataset = () => import("./screens/dataset.js").then((module) => module.DatasetScreen);
const file = () => import("./screens/file.js").then((module) => module.FileScreen);
const operations = () => import("./screens/operations.js").then((module) => module.OperationsScreen);

export function Page() {
  const at = place.value;
  return html`<a class="skip" href="#main" onClick=${skip}>${t("skip")}</a>
    <${TopBar} />
    <main id="main" tabindex="-1">${contentOf(at)}</main>
    <${Toasts} />`;
}

/** @param {Event} event the fragment names a screen, so the link moves the focus itself */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {import("./router.js").Place} at */
function contentOf(at) {
  if (me.value) return screenOf(at);
  return isStarting.value ? html`<p class="starting faint">${t("loading")}</p>` : html`<${Lazy} key="sign-in" load=${signIn} />`;
}

/** @param {import("./router.js").Place} at */
function screenOf(at) {
  if (at.screen === "dataset") return html`<${Lazy} key=${at.datasetId} load=${dataset} props=${at} isFirst=${true} />`;
  if (at.screen === "file") return html`<${Lazy} key=${at.fileId} load=${file} props=${at} />`;
  if (at.screen === "operations" && may("operator")) return html`<${Lazy} key="operations" load=${operations} />`;
  return html`<${Lazy} key="datasets" load=${datasets} />`;
}

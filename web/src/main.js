// @ts-check
/** Starts the page: language, session and address; then the bar at the top and the screen that the address names. */
import { render } from "preact";
import { pause } from "./api.js";
import { html } from "./html.js";
import { start as startLanguage, t } from "./i18n.js";
import { Lazy, preload } from "./parts/lazy.js";
import { Toasts } from "./parts/toasts.js";
import { TopBar } from "./parts/top_bar.js";
import { place, start as startRouter } from "./router.js";
import { isStarting, may, me, start as startSession } from "./session.js";
import { start as startTheme } from "./theme.js";

const SHOWN_AFTER_MS = 1000;
const signIn = () => import("./screens/sign_in.js").then((module) => module.SignIn);
const datasets = () => import("./screens/datasets.js").then((module) => module.DatasetsScreen);
const dataset = () => import("./screens/dataset.js").then((module) => module.DatasetScreen);
const file = () => import("./screens/file.js").then((module) => module.FileScreen);
const operations = () => import("./screens/operations.js").then((module) => module.OperationsScreen);

// A file that is dropped where nothing takes it would replace the page.
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => /** @type {DragEvent} */ (event).dataTransfer?.types.includes("Files") && event.preventDefault());
}
startTheme();
// The session reads a code from the address, and clears it.
const session = startSession();
const language = startLanguage();
startRouter();
preload(place.value.screen);
await language;
// The page is shown with its first screen, but a slow API must not leave the window empty.
await Promise.race([session, pause(SHOWN_AFTER_MS)]);
render(html`<${Page} />`, /** @type {Element} */ (document.getElementById("app")));

function Page() {
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
  if (at.screen === "file") return html`<${Lazy} key=${at.datasetId + at.fileId} load=${file} props=${at} />`;
  if (at.screen === "operations" && may("operator")) return html`<${Lazy} key="operations" load=${operations} />`;
  return html`<${Lazy} key="datasets" load=${datasets} />`;
}

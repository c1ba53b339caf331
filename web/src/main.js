// @ts-check
/** Starts the page: language, session, address, then the screens. */
import { render } from "preact";
import { html } from "./html.js";
import { start as startLanguage } from "./i18n.js";
import { preload } from "./loading.js";
import { Page } from "./page.js";
import { place, start as startRouter } from "./router.js";
import { start as startSession } from "./session.js";
import { start as startTheme } from "./theme.js";

// A file that is dropped where nothing takes it would replace the page.
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => /** @type {DragEvent} */ (event).dataTransfer?.types.includes("Files") && event.preventDefault());
}
startTheme();
// The session reads a code from the address, and clears it.
const isReady = Promise.all([startLanguage(), startSession()]);
startRouter();
preload(place.value.screen);
await isReady;
render(html`<${Page} />`, /** @type {Element} */ (document.getElementById("app")));

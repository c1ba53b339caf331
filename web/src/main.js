// @ts-check
/** Starts the page: language, session, address, then the screens. */
import { render } from "preact";
import { pause } from "./api.js";
import { html } from "./html.js";
import { start as startLanguage } from "./i18n.js";
import { preload } from "./parts/lazy.js";
import { Page } from "./page.js";
import { place, start as startRouter } from "./router.js";
import { start as startSession } from "./session.js";
import { start as startTheme } from "./theme.js";

const SHOWN_AFTER_MS = 1000;

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

// @ts-check
/** Starts the page: language, session, address, then the screens. */
import { render } from "preact";
import { html } from "./html.js";
import { start as startLanguage } from "./i18n.js";
import { Page } from "./page.js";
import { start as startRouter } from "./router.js";
import { start as startSession } from "./session.js";
import { start as startTheme } from "./theme.js";
import { warnBeforeLeaving } from "./uploads/uploads.js";

startTheme();
await Promise.all([startLanguage(), startSession()]);
startRouter();
warnBeforeLeaving();
render(html`<${Page} />`, /** @type {Element} */ (document.getElementById("app")));

// @ts-check
/** The bar at the top: screens, language, theme and the session. */
import { html } from "../html.js";
import { catalogue, LANGUAGES, t, use } from "../i18n.js";
import { addressOf, place } from "../router.js";
import { endSession, isLate, may, me } from "../session.js";
import { theme, useNext } from "../theme.js";
import { Icon } from "./icons.js";

/** @type {Record<string, "auto" | "sun" | "moon">} */
const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };

export function TopBar() {
  return html`<header class="top-bar">
    <a class="brand" href=${addressOf({ screen: "datasets" })}>
      <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
        <rect width="32" height="32" rx="7" class="brand-tile" />
        <path d="M7 10h18M7 16h12M7 22h6" class="brand-lines" />
      </svg>
      Fairway
    </a>
    ${me.value && html`<${Screens} />`}
    <span class="late" role="status">${isLate.value && t("late")}</span>
    <span class="gap"></span>
    <${LanguageChoice} />
    <button type="button" class="quiet" title=${t(`theme.${theme.value}`)} aria-label=${t(`theme.${theme.value}`)} onClick=${useNext}>
      <${Icon} name=${THEME_ICONS[theme.value]} />
    </button>
    ${me.value &&
    html`<span class="who" title=${t(`role.${me.value.role}`)}>${me.value.tenant.name}</span>
      <button type="button" class="quiet" onClick=${endSession}>${t("sign_out")}</button>`}
  </header>`;
}

function Screens() {
  const here = place.value.screen;
  return html`<nav aria-label=${t("screens")}>
    <a href=${addressOf({ screen: "datasets" })} aria-current=${here === "operations" ? undefined : "page"}>${t("datasets.title")}</a>
    ${may("operator") && html`<a href=${addressOf({ screen: "operations" })} aria-current=${here === "operations" ? "page" : undefined}>${t("operations.title")}</a>`}
  </nav>`;
}

function LanguageChoice() {
  return html`<label>
    <span class="hidden">${t("language")}</span>
    <select value=${catalogue.value.language} onChange=${(/** @type {any} */ event) => void use(event.target.value)}>
      ${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}
    </select>
  </label>`;
}

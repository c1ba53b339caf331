// @ts-check
/**
 * What the API says, in the reader's language. The API writes English sentences, and names each cause by a code: in other
 * languages the catalogue has a sentence for the code, and the English one is shown where it has none.
 */
import { Late } from "./api.js";
import { forecast } from "./format.js";
import { catalogue, has, t } from "./i18n.js";

const isEnglish = () => catalogue.value.language === "en";

/** An error of a request as a sentence. What exactly is wrong stays in the API's words. @param {unknown} error */
export function problemText(error) {
  const { code = "", message } = /** @type {{code?: string, message: string}} */ (error);
  if (error instanceof Late) return t("error.slow");
  if (error instanceof TypeError) return t("error.network");
  if (isEnglish() || !has(`problem.${code}`)) return message;
  return `${t(`problem.${code}`)} (${message})`;
}

/** Why a file or a step failed. @param {{code: string, detail: string | null}} error */
export function causeText({ code, detail }) {
  if (detail !== null && (isEnglish() || !has(`cause.${code}`))) return detail;
  return has(`cause.${code}`) ? t(`cause.${code}`) : code;
}

/**
 * Why a file waits, and about how long.
 * @param {{reason: string, detail: string, position: number | null, eta_s: [number, number] | null}} waiting
 */
export function waitingText({ reason, detail, position, eta_s: range }) {
  const eta = forecast(range);
  if (isEnglish() || !has(`waiting.${reason}`)) return eta ? t("waiting.sentence", { detail, eta }) : detail;
  const ahead = position ? t("waiting.ahead", { count: position }) : "";
  return [t(`waiting.${reason}`), ahead, eta ? t("waiting.eta", { eta }) : ""].filter(Boolean).join("; ");
}

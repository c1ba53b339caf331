// @ts-check
/** Parts that were given up, by their cause, and how to run them again. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { moment, number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Icon } from "../parts/icons.js";
import { stepName } from "../parts/state.js";
import { say, sayError } from "../parts/toasts.js";
import { addressOf } from "../router.js";
import { causeText } from "../sentences.js";
import { api, me } from "../session.js";

const SHOWN = 50;

export function DeadLetters() {
  const found = useSignal(/** @type {any} */ (null));
  const read = () => api.get(`/operations/dead-letters?limit=${SHOWN}`).then((body) => (found.value = body), sayError);
  useEffect(() => void read(), []);
  const redrive = async (/** @type {Record<string, any>} */ which) => {
    try {
      let count = 0;
      for (let more = true; more; ) {
        const answer = await api.post("/operations/dead-letters/redrive", which);
        count += answer.count;
        more = answer.has_more && answer.count > 0;
      }
      say(t("retried", { count }));
    } catch (error) {
      sayError(error);
    }
    void read();
  };
  if (!found.value) return null;
  const { dead_letters: letters, count, count_is_exact: isExact, by_code: byCode } = found.value;
  return html`<section class="panel">
    <h2>${t("operations.dead")} <span class="faint">${isExact ? number(count) : t("operations.at_least", { count })}</span></h2>
    ${letters.length === 0
      ? html`<p class="faint">${t("operations.no_dead")}</p>`
      : html`<p class="chips">
            <button type="button" onClick=${() => redrive({})}><${Icon} name="retry" />${t("operations.redrive_all")}</button>
            ${Object.entries(byCode).map(
              ([code, many]) => html`<button key=${code} type="button" onClick=${() => redrive({ code })}>${t("operations.redrive_code", { cause: causeName(code), count: /** @type {number} */ (many) })}</button>`,
            )}
          </p>
          <div class="scroll-x" tabindex="0" role="region" aria-label=${t("operations.dead")}>
            <table class="plain">
              <thead><tr>${["step", "cause", "attempts", "given_up", "file"].map((name) => html`<th key=${name} scope="col">${t(`operations.${name}`)}</th>`)}</tr></thead>
              <tbody>${letters.map((/** @type {any} */ letter) => html`<${Letter} key=${letter.file_id + letter.step} letter=${letter} onRedrive=${redrive} />`)}</tbody>
            </table>
          </div>`}
  </section>`;
}

/** A cause as a part of a sentence. @param {string} code */
const causeName = (code) => causeText({ code, detail: null }).replace(/\.$/, "");

/** @param {{letter: any, onRedrive: (which: Record<string, any>) => void}} props */
function Letter({ letter, onRedrive }) {
  const isOwn = letter.tenant_id === me.value.tenant.id;
  return html`<tr>
    <th scope="row">${stepName(letter.step)}</th>
    <td>${letter.code ? causeText(letter) : letter.detail ?? ""}</td>
    <td>${number(letter.attempts)}</td>
    <td>${moment(letter.given_up_at)}</td>
    <td>
      ${isOwn && html`<a href=${addressOf({ screen: "file", datasetId: letter.dataset_id, fileId: letter.file_id })}>${t("operations.open")}</a> `}
      <button type="button" class="small" onClick=${() => onRedrive({ file_ids: [letter.file_id], step: letter.step })}>${t("retry")}</button>
    </td>
  </tr>`;
}

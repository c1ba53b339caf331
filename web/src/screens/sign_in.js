// @ts-check
/** What a person sees who is not signed in: where to find the link, and a field for a key. */
import { useSignal } from "@preact/signals";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { signIn, signInProblem } from "../session.js";

export function SignIn() {
  const isBusy = useSignal(false);
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    isBusy.value = true;
    await signIn(event.target.elements.key.value.trim());
    isBusy.value = false;
  };
  return html`<div class="sign-in">
    <h1>${t("sign_in.title")}</h1>
    <p>${t("sign_in.link")}</p>
    <form onSubmit=${submit}>
      <label for="key">${t("sign_in.key")}</label>
      <input id="key" name="key" type="password" autocomplete="off" required aria-describedby="key-problem" />
      <p id="key-problem" class="problem" role="alert">${signInProblem.value}</p>
      <button class="primary" disabled=${isBusy.value}>${t("sign_in.submit")}</button>
    </form>
  </div>`;
}

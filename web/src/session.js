// @ts-check
/**
 * The session: the key of this browser tab, taken from a one-time code in the address, from another tab or typed in.
 *
 * The key is kept in `sessionStorage`, since a cookie would be sent to all ports of the host.
 */
import { signal } from "@preact/signals";
import { Api, pause, Problem } from "./api.js";
import { problemText } from "./sentences.js";

const KEPT_UNDER = "fairway.key";
const CHANNEL = "fairway.session";
/** Held by each tab that is signed in, so that a new tab knows whether another one will answer. */
const LOCK = "fairway.session";
const ASK_OTHERS_MS = 5000;
const ASK_UNKNOWN_MS = 250;
export const ROLES = ["viewer", "editor", "operator", "admin"];

/** Where the page is not served by the API itself, it names its address. */
const API_URL = globalThis.document?.querySelector('meta[name="fairway-api"]')?.getAttribute("content") ?? "";

export const api = new Api(API_URL, null);
/** Who is signed in: null before, and after the key has expired. @type {import("@preact/signals").Signal<any>} */
export const me = signal(null);
/** Whether it is still unknown who is signed in. */
export const isStarting = signal(true);
/** Whether a call has waited for its answer for some seconds. */
export const isLate = signal(false);
api.onLate = (found) => (isLate.value = found);
/** What is shown to a person who is not signed in. */
export const signInProblem = signal("");

/** Releases the lock of this tab. */
let letGo = () => {};

/** Whether the person's role is this one or a higher one. @param {string} role */
export const may = (role) => me.value !== null && ROLES.indexOf(me.value.role) >= ROLES.indexOf(role);

/**
 * The one-time code in an address, or null.
 * @param {string} hash
 */
export function codeIn(hash) {
  return /^#code=([\w-]+)$/.exec(hash)?.[1] ?? null;
}

/** Sign in with what this tab has: a code in the address, a kept key, or the key of another tab. */
export async function start() {
  const code = codeIn(location.hash);
  if (code) {
    // The address is cleaned first, so that the code is not in the history.
    history.replaceState(null, "", location.pathname);
    await exchange(code);
  } else {
    const kept = sessionStorage.getItem(KEPT_UNDER) ?? (await keyOfOtherTab());
    if (kept) await signIn(kept);
  }
  isStarting.value = false;
  answerOtherTabs();
  addEventListener("hashchange", () => {
    const later = codeIn(location.hash);
    if (later) {
      history.replaceState(null, "", location.pathname);
      void exchange(later);
    }
  });
}

/** @param {string} code */
async function exchange(code) {
  try {
    const session = await api.call("POST", "/sessions/exchange", { code }, { once: true });
    await signIn(session.api_key);
  } catch (error) {
    signInProblem.value = problemText(error);
  }
}

/** @param {string} key */
export async function signIn(key) {
  api.key = key;
  api.onRefusal = () => {};
  try {
    me.value = await whoami();
    signInProblem.value = "";
    sessionStorage.setItem(KEPT_UNDER, key);
    letGo();
    void navigator.locks?.request(LOCK, { mode: "shared" }, () => new Promise((resolve) => (letGo = () => resolve(undefined))));
    api.onRefusal = () => signOut();
  } catch (error) {
    // Without an answer the key may be good: the tab keeps it for the next visit.
    signOut(problemText(error), error instanceof Problem ? null : sessionStorage.getItem(KEPT_UNDER));
  }
}

async function whoami() {
  return api.get("/me");
}

/** End the session, here and at the API. A key that was typed in stays valid. */
export async function endSession() {
  const [key, isSession] = [api.key, Boolean(me.value?.expires_at)];
  signOut();
  await pause(0); // until the screens have stopped their calls, which would be refused
  if (isSession) await new Api(API_URL, key).call("DELETE", "/sessions").catch(() => {});
}

/** @param {string} [problem] @param {string | null} [kept] the key that a later visit tries */
function signOut(problem = "", kept = null) {
  if (kept === null) sessionStorage.removeItem(KEPT_UNDER);
  api.key = null;
  me.value = null;
  letGo();
  signInProblem.value = problem;
}

/** @returns {Promise<string | null>} */
async function keyOfOtherTab() {
  // Locks exist only on secure origins; elsewhere nobody knows whether there is another tab.
  const locks = await navigator.locks?.query().catch(() => null);
  if (locks && !locks.held?.some(({ name }) => name === LOCK)) return null;
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(CHANNEL);
    const timer = setTimeout(() => finish(null), locks ? ASK_OTHERS_MS : ASK_UNKNOWN_MS);
    /** @param {string | null} key */
    function finish(key) {
      clearTimeout(timer);
      channel.close();
      resolve(key);
    }
    channel.onmessage = (event) => event.data.key && finish(event.data.key);
    channel.postMessage({ asks: true });
  });
}

function answerOtherTabs() {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (event) => {
    if (event.data.asks && api.key && me.value) channel.postMessage({ key: api.key });
  };
}

// @ts-check
/** Calls of the HTTP API: the key, repeated attempts, and problem details as errors. */

const LONGEST_PAUSE_S = 30;
const ATTEMPTS = 6;
/** After this time without an answer the person is told, and after the other one the call is given up. */
const SLOW_MS = 4_000;
const LONGEST_MS = 60_000;

/** An error that the API answered. `code` is stable, `message` is a sentence for the person at the page. */
export class Problem extends Error {
  /** @param {number} status @param {{code?: string, detail?: string, title?: string, errors?: {pointer: string, detail: string}[]}} body */
  constructor(status, body) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.errors = body.errors ?? [];
  }
}

/** The API took too long to answer. */
export class Late extends TypeError {}

/** Whether an error may be over later: nobody answered, or the API could not. @param {any} error */
export const isOut = (error) => error instanceof TypeError || error.status >= 500 || error.code === "rate_limited";

/** @param {number} ms @param {AbortSignal} [signal] */
export const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
  });

/**
 * The seconds to wait before the next attempt, or null if there is none.
 * @param {number} attempt counted from 1
 * @param {number} status 0 if there was no answer
 * @param {string | null} retryAfter
 * @param {number} chance from 0 to 1
 */
export function retryDelay(attempt, status, retryAfter, chance) {
  if (attempt >= ATTEMPTS || ![0, 429, 502, 503, 504].includes(status)) return null;
  const asked = Number(retryAfter ?? 0);
  return Math.min(LONGEST_PAUSE_S, Math.max(asked, 0.25 * 2 ** attempt)) * (1 + 0.3 * chance);
}

/**
 * @typedef {{headers?: Record<string, string>, signal?: AbortSignal, once?: boolean, heldMs?: number}} Options
 *   `once`: it is not repeated; `heldMs`: how long the API may hold the call before it answers
 */

export class Api {
  /** @param {string} base @param {string | null} key */
  constructor(base, key) {
    this.base = base;
    this.key = key;
    /** Called once the key is no longer accepted. @type {() => void} */
    this.onRefusal = () => {};
    /** Called when the first call is late, and when none is late any more. @type {(isLate: boolean) => void} */
    this.onLate = () => {};
    this.late = new Set();
  }

  /** @param {string} path @param {{signal?: AbortSignal}} [options] */
  get(path, options) {
    return this.call("GET", path, undefined, options);
  }

  /** @param {string} path @param {any} [body] @param {Record<string, string>} [headers] */
  post(path, body, headers) {
    return this.call("POST", path, body, { headers });
  }

  /**
   * Create something: however often the request is sent with this key, it takes effect once.
   * @param {string} path @param {any} body @param {string} [key]
   */
  create(path, body, key = newId()) {
    return this.call("POST", path, body, { headers: { "Idempotency-Key": key } });
  }

  /**
   * Call the API. Throws Problem, or TypeError if there is no answer after several attempts.
   * @param {string} method
   * @param {string} path
   * @param {any} [body]
   * @param {Options} [options]
   * @returns {Promise<any>}
   */
  async call(method, path, body, options = {}) {
    const call = {};
    const timer = setTimeout(() => this.#note(call, true), SLOW_MS + (options.heldMs ?? 0));
    try {
      return await this.#insist(method, path, body, options);
    } finally {
      clearTimeout(timer);
      this.#note(call, false);
    }
  }

  /** @param {object} call @param {boolean} isLate */
  #note(call, isLate) {
    const before = this.late.size;
    if (isLate) this.late.add(call);
    else this.late.delete(call);
    if (before > 0 !== this.late.size > 0) this.onLate(this.late.size > 0);
  }

  /** @param {string} method @param {string} path @param {any} body @param {Options} options @returns {Promise<any>} */
  async #insist(method, path, body, options) {
    // A request that creates something may be repeated only with a key that makes the repetition harmless.
    const isRepeatable = !options.once && (method !== "POST" || "Idempotency-Key" in (options.headers ?? {}));
    for (let attempt = 1; ; attempt += 1) {
      let answer = null;
      try {
        answer = await this.#send(method, path, body, options);
        if (answer.response.ok) return answer.body;
      } catch (error) {
        if (options.signal?.aborted) throw error;
        const wait = isRepeatable ? retryDelay(attempt, 0, null, Math.random()) : null;
        if (wait === null) throw error;
        await pause(1000 * wait, options.signal);
        continue;
      }
      // A refused request had no effect, so any method may be repeated.
      const mayRepeat = !options.once && (isRepeatable || answer.response.status === 429);
      const { status, headers } = answer.response;
      const wait = mayRepeat ? retryDelay(attempt, status, headers.get("Retry-After"), Math.random()) : null;
      if (wait === null) {
        if (status === 401) this.onRefusal();
        throw new Problem(status, answer.body);
      }
      await pause(1000 * wait, options.signal);
    }
  }

  /** One attempt, with its body. @param {string} method @param {string} path @param {any} body @param {Options} options */
  async #send(method, path, body, options) {
    const limit = limited(LONGEST_MS + (options.heldMs ?? 0), options.signal);
    try {
      const response = await fetch(this.base + path, {
        method,
        cache: "no-store",
        signal: limit.signal,
        headers: {
          ...(this.key ? { Authorization: `Bearer ${this.key}` } : {}),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...options.headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (response.ok) return { response, body: response.status === 204 ? null : await response.json() };
      return { response, body: await response.json().catch(() => ({})) };
    } finally {
      limit.end();
    }
  }
}

/**
 * A signal that ends a request after some time, or when the other signal does. `end` must be called when the request has ended.
 * @param {number} ms @param {AbortSignal} [signal]
 */
export function limited(ms, signal) {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new Late()), ms);
  const stop = () => ending.abort(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  const end = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  };
  return { signal: ending.signal, end };
}

/** A random id; `randomUUID` exists only on secure origins. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Record<string, string | number | null | undefined>} values */
export function query(values) {
  const set = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return set.length ? `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}` : "";
}

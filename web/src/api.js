// @ts-check
/** Calls of the HTTP API: the key, repeated attempts, and problem details as errors. */

const LONGEST_PAUSE_S = 30;
const ATTEMPTS = 6;

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

export class Api {
  /** @param {string} base @param {string | null} key */
  constructor(base, key) {
    this.base = base;
    this.key = key;
    /** Called once the key is no longer accepted. @type {() => void} */
    this.onRefusal = () => {};
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
   * @param {{headers?: Record<string, string>, signal?: AbortSignal, once?: boolean}} [options]
   * @returns {Promise<any>}
   */
  async call(method, path, body, options = {}) {
    const response = await this.respond(method, path, body, options);
    return response.status === 204 ? null : response.json();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {any} [body]
   * @param {{headers?: Record<string, string>, signal?: AbortSignal, once?: boolean}} [options]
   */
  async respond(method, path, body, options = {}) {
    // A request that creates something may be repeated only with a key that makes the repetition harmless.
    const isRepeatable = !options.once && (method !== "POST" || "Idempotency-Key" in (options.headers ?? {}));
    for (let attempt = 1; ; attempt += 1) {
      let response = null;
      try {
        response = await this.send(method, path, body, options);
        if (response.ok) return response;
      } catch (error) {
        if (options.signal?.aborted) throw error;
        const wait = isRepeatable ? retryDelay(attempt, 0, null, Math.random()) : null;
        if (wait === null) throw error;
        await pause(1000 * wait, options.signal);
        continue;
      }
      // A refused request had no effect, so any method may be repeated.
      const mayRepeat = !options.once && (isRepeatable || response.status === 429);
      const wait = mayRepeat ? retryDelay(attempt, response.status, response.headers.get("Retry-After"), Math.random()) : null;
      if (wait === null) throw await this.problemOf(response);
      await pause(1000 * wait, options.signal);
    }
  }

  /** @param {string} method @param {string} path @param {any} body @param {any} options */
  send(method, path, body, options) {
    return fetch(this.base + path, {
      method,
      cache: "no-store",
      signal: options.signal,
      headers: {
        ...(this.key ? { Authorization: `Bearer ${this.key}` } : {}),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...options.headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /** @param {Response} response */
  async problemOf(response) {
    if (response.status === 401) this.onRefusal();
    return new Problem(response.status, await response.json().catch(() => ({})));
  }
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

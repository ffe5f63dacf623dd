// @ts-check
// The calls to the gateway. The key lives in sessionStorage and travels in a header only.

const KEY = "i2v.key";

/** An answer that is not what was asked for, with the gateway's problem document. */
export class ApiError extends Error {
  /** @param {number} status @param {any} problem */
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `The gateway answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (/** @type {string} */ value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

/** Takes the key out of the address's fragment, so that it stays neither in the bar nor in the history. */
export function takeKeyFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    key.set(given);
    history.replaceState(null, "", location.pathname + location.search);
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 */
export async function call(path, init = {}) {
  let response;
  try {
    response = await fetch(path, { ...init, headers: { ...init.headers, Authorization: `Bearer ${key.get() ?? ""}` } });
  } catch (error) {
    if (init.signal?.aborted) {
      throw error;
    }
    throw new ApiError(0, { title: "No connection", detail: "The gateway cannot be reached. Is it running?" });
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({ title: response.statusText }));
    throw new ApiError(response.status, problem);
  }
  return response;
}

/** @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
export const callJson = async (path, init) => (await call(path, init)).json();

/**
 * Follows a job's events until it ends, across broken connections: each new one says which event it saw last.
 * @param {string} id
 * @param {(type: string, data: any) => void} seen
 * @param {AbortSignal} signal
 */
export async function follow(id, seen, signal) {
  let last = "";
  let wait = 1000;
  while (!signal.aborted) {
    try {
      /** @type {Record<string, string>} */
      const headers = last ? { "Last-Event-ID": last } : {};
      const response = await call(`/v1/jobs/${id}/events`, { headers, signal, cache: "no-store" });
      if (response.status === 204 || !response.body) {
        return;
      }
      for await (const event of readEvents(response.body)) {
        last = event.id || last;
        wait = 1000;
        seen(event.type, JSON.parse(event.data));
        if (["job.succeeded", "job.failed", "job.canceled", "job.expired"].includes(event.type)) {
          return;
        }
      }
    } catch (error) {
      if (signal.aborted) {
        return;
      }
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
        throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, 15000);
  }
}

/** @param {ReadableStream<Uint8Array>} body */
async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    buffer += value;
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = { id: "", type: "message", data: "" };
      for (const line of block.split("\n")) {
        const [, name, text] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (name === "id") event.id = text;
        if (name === "event") event.type = text;
        if (name === "data") event.data += text;
      }
      if (event.data) {
        yield event;
      }
    }
  }
}

// @ts-check
// Small things that the page is made of.

/** @param {string} id @returns {HTMLElement} */
export function find(id) {
  const found = document.getElementById(id);
  if (!found) {
    throw new Error(`The page has no #${id}.`);
  }
  return found;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(1, Math.round(seconds ?? 0));
  return whole < 90 ? `${whole} s` : whole < 5400 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`;
}

/** @param {number} bytes */
export const sizeOf = (bytes) => (bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`);

/** What a job does, in words. @param {any} job @param {boolean} [short] */
export function sentence(job, short = false) {
  switch (job.status) {
    case "queued": return short ? "Waiting" : waiting(job);
    case "running": return short ? "Running" : working(job);
    case "held": return "On hold";
    case "succeeded": return short ? "Done" : "Your film is ready";
    case "canceled": return "Canceled";
    case "expired": return short ? "Expired" : `Expired: ${job.error?.message ?? "it did not finish in time."}`;
    default: return short ? "Failed" : `Failed: ${job.error?.message ?? "no reason was given."}`;
  }
}

/** @param {any} job */
function waiting(job) {
  if (job.status_reason === "retrying") {
    return "The last try failed; it will be tried again soon";
  }
  if (job.queue?.feasible_workers === 0) {
    return "Waiting for a worker that can make it";
  }
  const ahead = job.queue?.ahead ?? 0;
  return ahead > 0 ? `Waiting behind ${ahead} other ${ahead === 1 ? "film" : "films"}` : "Waiting for a free worker";
}

/** @param {any} job */
function working(job) {
  if (job.status_reason === "canceling") {
    return "Canceling…";
  }
  const { phase, step, total_steps } = job.progress ?? {};
  const names = {
    loading: "Loading the model", encoding: "Reading the photo", denoising: "Making the frames",
    decoding: "Developing the frames", muxing: "Writing the film", uploading: "Storing the film",
  };
  const name = /** @type {Record<string, string>} */ (names)[phase] ?? "Starting";
  return step && total_steps ? `${name}, step ${step} of ${total_steps}` : name;
}

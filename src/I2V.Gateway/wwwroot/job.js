// @ts-check
// One job on the page: what it does now, and its film.
import { duration, element, find, sentence, sizeOf } from "./page.js";

/** @param {string} type @param {any} data */
export function showEvent(type, data) {
  if (type !== "ping") {
    showStatus({ ...data, error: data.error });
  }
}

/** @param {any} job */
export function show(job) {
  showStatus(job);
  find("film").hidden = !job.output?.video;
  if (job.output?.video) {
    showFilm(job);
  }
  const notes = [...(job.degradations ?? []), ...(job.warnings ?? [])].map((note) => element("li", {}, note.message));
  find("notes").replaceChildren(...notes);
}

/** @param {any} state */
function showStatus(state) {
  const ended = ["succeeded", "failed", "canceled", "expired"].includes(state.status);
  const status = find("status");
  const text = sentence(state);
  if (status.textContent !== text) {
    status.textContent = text;
  }
  status.className = state.status === "succeeded" ? "good" : ended ? "bad" : "";
  const bar = find("progress");
  bar.hidden = ended;
  find("cancel").hidden = ended;
  /** @type {HTMLButtonElement} */ (find("cancel")).disabled = state.status_reason === "canceling";
  const percent = state.status === "running" && state.progress ? Math.round(state.progress.percent) : null;
  if (percent === null) {
    bar.removeAttribute("aria-valuenow");
    find("progress-fill").style.width = "";
  } else {
    bar.setAttribute("aria-valuenow", String(percent));
    find("progress-fill").style.width = `${percent}%`;
  }
  const left = state.status === "running" ? state.progress?.eta_seconds : state.queue?.eta_seconds?.p50;
  const label = state.status === "running" ? `about ${duration(left)} left` : `starts in about ${duration(left)}`;
  find("eta").textContent = ended ? "" : [percent === null ? "" : `${percent} %`, left > 0 ? label : ""].filter(Boolean).join(" · ");
}

/** @param {any} job */
function showFilm(job) {
  const { video, poster, seed } = job.output;
  const player = /** @type {HTMLVideoElement} */ (find("video"));
  if (player.dataset.job !== job.id) {
    player.dataset.job = job.id;
    player.poster = poster?.url ?? "";
    player.src = video.url;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
      player.play().catch(() => {});
    }
  }
  const download = /** @type {HTMLAnchorElement} */ (find("download"));
  download.href = video.url;
  download.download = `${job.id}.mp4`;
  const facts = {
    Size: `${video.width} × ${video.height}`,
    Length: `${video.num_frames} frames, ${video.duration_seconds?.toFixed(1)} s`,
    File: sizeOf(video.bytes),
    Seed: seed ?? job.applied.seed,
  };
  find("facts").replaceChildren(...Object.entries(facts).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
}

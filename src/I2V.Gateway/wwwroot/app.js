// @ts-check
import { ApiError, call, callJson, follow, key, takeKeyFromAddress } from "./api.js";
import { fillSettings, markFields, readSettings } from "./settings.js";
import { element, find, sentence, sizeOf } from "./page.js";
import { show, showEvent } from "./job.js";

const maxBytes = 20 * 1024 * 1024;
/** @type {File | null} */
let photo = null;
/** @type {AbortController | null} */
let watching = null;
let cursor = "";

takeKeyFromAddress();
wire();
start();

async function start() {
  const known = Boolean(key.get());
  find("key-form").hidden = known;
  find("job-form").hidden = !known;
  find("change-key").hidden = !known;
  if (!known) {
    find("key").focus();
    return;
  }
  try {
    const models = await callJson("/v1/models");
    fillSettings(models.data);
    await loadRecent(true);
  } catch (error) {
    fail(error);
  }
}

function wire() {
  const drop = find("drop");
  find("key-form").addEventListener("submit", takeKey);
  find("change-key").addEventListener("click", forgetKey);
  find("job-form").addEventListener("submit", submit);
  find("cancel").addEventListener("click", cancel);
  find("more").addEventListener("click", () => loadRecent(false).catch(fail));
  find("image").addEventListener("change", () => choose(/** @type {HTMLInputElement} */ (find("image")).files?.[0]));
  for (const type of ["dragenter", "dragover"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const type of ["dragleave", "drop", "dragend"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.remove("over");
    });
  }
  document.addEventListener("drop", (event) => choose(event.dataTransfer?.files[0]));
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((item) => item.type.startsWith("image/"));
    if (file) {
      event.preventDefault();
      choose(file);
    }
  });
}

/** @param {Event} event */
function takeKey(event) {
  event.preventDefault();
  key.set(/** @type {HTMLInputElement} */ (find("key")).value.trim());
  find("key-error").textContent = "";
  start();
}

/** @param {Event | string} [why] */
function forgetKey(why) {
  key.clear();
  watching?.abort();
  for (const id of ["work", "recent", "problem"]) {
    find(id).hidden = true;
  }
  find("key-error").textContent = typeof why === "string" ? why : "";
  start();
}

/** @param {File | undefined} file */
function choose(file) {
  if (!file || find("job-form").hidden) {
    return;
  }
  const wrong = !/^image\/(png|jpeg|webp)$/.test(file.type) ? "This is not a PNG, JPEG or WebP."
    : file.size > maxBytes ? `This file has ${sizeOf(file.size)}; the most is 20 MiB.` : "";
  find("image-error").textContent = wrong;
  if (wrong) {
    return;
  }
  photo = file;
  const preview = /** @type {HTMLImageElement} */ (find("preview"));
  if (preview.src) {
    URL.revokeObjectURL(preview.src);
  }
  preview.src = URL.createObjectURL(file);
  preview.hidden = false;
  find("drop").classList.add("filled");
  find("drop-hint").hidden = true;
  find("replace-hint").hidden = false;
}

/** @param {Event} event */
async function submit(event) {
  event.preventDefault();
  find("problem").hidden = true;
  markFields([]);
  if (!photo) {
    find("image-error").textContent = "Choose a photo first.";
    find("image").focus();
    return;
  }
  const body = new FormData();
  body.append("image", photo, "photo");
  for (const [name, value] of readSettings()) {
    body.append(name, value);
  }
  const button = /** @type {HTMLButtonElement} */ (find("submit"));
  button.disabled = true;
  button.textContent = "Sending the photo…";
  try {
    const job = await callJson("/v1/jobs", { method: "POST", body, headers: { "Idempotency-Key": crypto.randomUUID() } });
    watch(job);
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
    button.textContent = "Make the film";
  }
}

/** Shows a job and follows it to its end. @param {any} job */
async function watch(job) {
  watching?.abort();
  const mine = (watching = new AbortController());
  const work = find("work");
  work.dataset.job = job.id;
  work.hidden = false;
  show(job);
  work.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  if (job.completed_at) {
    return;
  }
  try {
    await follow(job.id, (type, data) => (type === "snapshot" ? show(data) : showEvent(type, data)), mine.signal);
    if (!mine.signal.aborted) {
      show(await callJson(`/v1/jobs/${job.id}`, { signal: mine.signal }));
      await loadRecent(true);
    }
  } catch (error) {
    if (!mine.signal.aborted) {
      fail(error);
    }
  }
}

async function cancel() {
  const id = find("work").dataset.job;
  try {
    await call(`/v1/jobs/${id}/cancel`, { method: "POST" });
  } catch (error) {
    fail(error);
  }
}

/** @param {boolean} fromStart */
async function loadRecent(fromStart) {
  const page = await callJson(`/v1/jobs?limit=12${fromStart ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);
  cursor = page.next_cursor ?? "";
  const items = page.data.map((/** @type {any} */ job) => {
    const poster = job.output?.poster?.url;
    const thumb = poster ? element("img", { class: "thumb", src: poster, alt: "", loading: "lazy" }) : element("span", { class: "thumb" });
    const about = element("span", { class: "about" },
      element("span", { class: "words" }, job.requested.prompt || "Without words"),
      element("span", { class: "when" }, `${sentence(job, true)} · ${new Date(job.created_at).toLocaleString()}`));
    const button = element("button", { type: "button" }, thumb, about);
    button.addEventListener("click", async () => watch(await callJson(`/v1/jobs/${job.id}`).catch(fail) ?? job));
    return element("li", {}, button);
  });
  const list = find("recent-list");
  fromStart ? list.replaceChildren(...items) : list.append(...items);
  find("recent").hidden = list.childElementCount === 0;
  find("more").hidden = !page.has_more;
}

/** @param {unknown} error */
function fail(error) {
  if (!(error instanceof ApiError)) {
    throw error;
  }
  if (error.status === 401) {
    forgetKey("The gateway does not know this key.");
    return;
  }
  const { title, detail, errors, request_id } = error.problem;
  find("problem-title").textContent = error.status === 400 ? "Please check your request" : title ?? "Something went wrong";
  const unplaced = markFields(errors ?? []);
  const lines = errors?.length ? unplaced : [detail ?? error.message];
  find("problem-list").replaceChildren(...lines.map((/** @type {string} */ line) => element("li", {}, line)));
  find("problem-id").textContent = request_id ? `Request ${request_id}` : "";
  find("problem").hidden = lines.length === 0;
  if (lines.length > 0) {
    find("problem").focus();
  }
}

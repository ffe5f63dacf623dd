// @ts-check
// The settings that the chosen model has, and the errors that belong to them.
import { element, find } from "./page.js";

/** @type {any[]} */
let models = [];

const labels = {
  model: "Model", preset: "Preset", negative_prompt: "What to avoid", width: "Width", height: "Height", num_frames: "Frames",
  fps: "Frames per second", steps: "Steps", guidance_scale: "Guidance", motion_amount: "Motion", seed: "Seed",
};

/** @param {any[]} known */
export function fillSettings(known) {
  models = known;
  draw(known.find((model) => model.default) ?? known[0]);
}

/** @param {any} model */
function draw(model) {
  find("fields").replaceChildren();
  find("model-about").textContent = model?.description ?? (models.length ? "" : "No worker has brought a model yet.");
  if (!model) {
    return;
  }
  const select = choice("model", models.map((item) => item.id), model.id);
  select.addEventListener("change", () => {
    draw(models.find((item) => item.id === select.value));
    find("setting-model").focus();
  });
  const presets = Object.keys(model.presets ?? {});
  if (presets.length) {
    choice("preset", ["", ...presets], "", `usual (${model.defaults.preset ?? presets[0]})`);
  }
  const { limits, defaults } = model;
  const uses = (/** @type {string} */ name) => model.used_settings.includes(name);
  const multiple = limits.size_multiple_of;
  number("width", { ...limits.width, step: multiple, usual: "as the photo" });
  number("height", { ...limits.height, step: multiple, usual: "as the photo" });
  number("num_frames", { ...limits.frames, step: 1, usual: defaults.num_frames });
  number("fps", { ...limits.fps, step: 1, usual: defaults.fps });
  if (uses("steps") && limits.steps) number("steps", { ...limits.steps, step: 1, usual: defaults.steps });
  if (uses("guidance_scale") && limits.guidance_scale) number("guidance_scale", { ...limits.guidance_scale, step: "any", usual: defaults.guidance_scale });
  if (uses("motion_amount")) number("motion_amount", { min: 0, max: 1, step: "any", usual: defaults.motion_amount });
  number("seed", { min: 0, max: Number.MAX_SAFE_INTEGER, step: 1, usual: "random" });
  if (uses("negative_prompt")) add("negative_prompt", element("input", { maxlength: "4000" }));
}

/** @param {string} name @param {string[]} values @param {string} chosen @param {string} [blank] */
function choice(name, values, chosen, blank = "") {
  const select = /** @type {HTMLSelectElement} */ (element("select", {},
    ...values.map((value) => element("option", value === chosen ? { value, selected: "" } : { value }, value || blank))));
  add(name, select);
  return select;
}

/** @param {string} name @param {{min: number, max: number, step: number | string, usual: unknown}} limits */
function number(name, { min, max, step, usual }) {
  add(name, element("input", {
    type: "number", min: String(min), max: String(max), step: String(step), inputmode: "decimal", placeholder: String(usual ?? ""),
  }));
}

/** @param {string} name @param {HTMLElement} input */
function add(name, input) {
  input.id = `setting-${name}`;
  input.setAttribute("name", name);
  input.setAttribute("aria-describedby", `error-${name}`);
  find("fields").append(element("div", {},
    element("label", { for: input.id }, /** @type {Record<string, string>} */ (labels)[name]),
    input,
    element("p", { class: "field-error", id: `error-${name}`, "data-for": name })));
}

/** @returns {[string, string][]} what was filled in; the rest is the model's to choose */
export function readSettings() {
  const form = /** @type {HTMLFormElement} */ (find("job-form"));
  return [...new FormData(form)]
    .filter(([name, value]) => name !== "" && typeof value === "string" && value.trim() !== "")
    .map(([name, value]) => [name, /** @type {string} */ (value)]);
}

/**
 * Puts errors beside their fields.
 * @param {{pointer: string, detail: string}[]} errors
 * @returns {string[]} those that have no field here
 */
export function markFields(errors) {
  for (const place of document.querySelectorAll("[data-for], #image-error")) {
    place.textContent = "";
  }
  for (const field of document.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
  }
  const unplaced = [];
  for (const { pointer, detail } of errors) {
    const name = pointer.split("/").pop() ?? "";
    const place = pointer.startsWith("/input/image") ? find("image-error") : document.querySelector(`[data-for="${CSS.escape(name)}"]`);
    if (!place) {
      unplaced.push(pointer ? `${pointer}: ${detail}` : detail);
      continue;
    }
    place.textContent = detail;
    const field = document.querySelector(`[name="${CSS.escape(name)}"]`);
    field?.setAttribute("aria-invalid", "true");
    if (place.closest("details")) {
      /** @type {HTMLDetailsElement} */ (find("settings")).open = true;
    }
  }
  return unplaced;
}

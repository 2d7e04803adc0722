// The page with a Python model behind it. sphere.js loads this file where model.json says
// so: it has the page's parts in common, and here are the model that asks the server, what
// the page does by it, and what it has beside: editing, diagnostics, commands to copy.

import { $, number, Page, say, STOPPED } from "./sphere.js";

const LARGEST_FILE = 20e6;
const POINTS_OF_WALK = 11;
const LARGEST_TURN = 89; // of one step of a walk, in degrees
const STEPS_OF_TABLE = [1, 2, 4];
const HIDDEN = {
  left: (x) => x < 0.5,
  right: (x) => x >= 0.5,
  top: (x, y) => y < 0.5,
  bottom: (x, y) => y >= 0.5,
  center: (x, y) => [x, y].every((value) => value >= 0.25 && value < 0.75),
};

// ---- The model that asks the server ----

export class ServerModel {
  constructor(description) {
    const { image_size: side, num_channels: colors } = description.config;
    Object.assign(this, { description, imageShape: [side, side, colors] });
  }

  async open() {
    return `${this.description.server.backend}, where the server runs`;
  }

  /** Asks for an answer; work is followed line by line until it is done. */
  async ask(path, body, { signal, onProgress }) {
    const type = body instanceof Blob ? "application/octet-stream" : "application/json";
    const headers = { "Content-Type": type };
    const failed = (error) => {
      throw signal.aborted ? STOPPED : new Error(`The server does not answer: ${error.message}`);
    };
    const answer = await fetch(path, { method: "POST", body, headers, signal }).catch(failed);
    if (!answer.ok || answer.headers.get("Content-Type") === "application/json") {
      const content = await answer.json().catch(() => ({ error: `status ${answer.status}` }));
      if (content.error) throw new Error(content.error);
      return content;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { value, done } = await reader.read().catch(failed);
      if (done) throw new Error("The server has ended before its answer.");
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const event of lines.map((line) => JSON.parse(line))) {
        if (event.state === "failed") throw new Error(event.error);
        if (event.state === "done") return event.result;
        onProgress(event);
      }
    }
  }
}

// ---- Pictures as text, flags as the command line has them ----

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt());
const textOf = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const imageOf = (text) => Float32Array.from(bytesOf(text), (byte) => byte / 127.5 - 1);
const pixelsOf = (image) => textOf(image.map((value) => Math.round((value + 1) * 127.5)));

/** A text in a list between commas. */
const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function tellProgress({ state, before, done, total }) {
  if (state === "waiting") return say(before ? `Waiting, ${before} before this` : "Waiting", 0);
  if (total) return say(`Part ${done + 1} of ${total}`, done / total);
  say(done ? `Part ${done + 1}` : "Working", 0);
  $("progress").removeAttribute("value"); // how much there will be is not known
}

// ---- The page ----

export class ServerPage extends Page {
  get job() {
    return this.number;
  }

  /** Whoever begins other work, or stops it, ends the request that is under way. */
  set job(number) {
    this.number = number;
    this.abort?.abort();
    this.abort = new AbortController();
  }

  ask(path, body) {
    return this.model.ask(path, body, { signal: this.abort.signal, onProgress: tellProgress });
  }

  /** Has a task of the command line done; its images as rows of what `canvas` draws. */
  async draw(check, task, flags, images = {}) {
    const begin = performance.now();
    const result = await this.ask("draw", JSON.stringify({ task, flags, images }));
    check();
    const rows = result.rows.map((row) => row.map(imageOf));
    const [count, seconds] = [rows.flat().length, (performance.now() - begin) / 1000];
    say(`${count} pictures in ${seconds.toPrecision(2)} s, by ${this.engine}.`);
    return { ...result, rows };
  }

  /** Flags of the loop of generation, which most tasks have. */
  loop() {
    return { steps: number("steps"), ...this.prior() };
  }

  prior() {
    const { config, server } = this.model.description;
    const flags = { seed: number("seed") };
    const guidance = config.motion === "rotation" ? "guidance_degrees" : "guidance_scale";
    if (config.num_classes) flags[guidance] = number("guidance");
    if (server.keeps_average) flags.use_ema = $("average").checked;
    return flags;
  }

  /** How flags name the class of a list: `all`, `none` or a class of the model. */
  classText(id) {
    const { class_texts: texts } = this.model.description.server;
    const value = $(id).value;
    return value in texts ? texts[value] : value === "all" || value === "best" ? value : "none";
  }

  classes() {
    const { num_classes: classes } = this.model.description.config;
    if (!classes) return {};
    const [first, other] = ["class", "other"].map((id) => this.classText(id));
    if ($("other").value === "") return { classes: quoted(first) };
    if (["all", "none"].includes(first)) throw new Error("Choose the class that is to be mixed.");
    const share = number("share");
    const mix = [`${first}:${(1 - share).toFixed(2)}`, `${other}:${share.toFixed(2)}`];
    return { class_mix: mix.map(quoted).join(",") };
  }

  /** The class of one picture that is not generated from a list of classes. */
  label(id = "class") {
    if (!this.model.description.config.num_classes) return {};
    const text = this.classText(id);
    return { label: text === "all" ? "none" : quoted(text) };
  }

  async generate(check) {
    const count = number("count");
    const [names, all] = [this.model.description.server.class_names, $("class").value === "all"];
    const flags = { num_images: count, ...this.classes(), ...this.loop() };
    if ($("show-steps").checked) flags.show_steps = true;
    const made = await this.draw(check, "generate", flags);
    const strips = flags.show_steps ? made.rows : made.rows[0].map((image) => [image]);
    const idOf = (i) => (all ? Math.floor((i * names.length) / count) : $("class").value);
    this.show("grid", strips.map((strip, i) => ({
      strip,
      caption: flags.class_mix ?? names[idOf(i)] ?? `${i + 1}`,
      chosen: {
        image: strip.at(-1),
        name: `seed${flags.seed}_${i}.png`,
        label: names[idOf(i)] ? { label: quoted(this.textOfClass(idOf(i))) } : {},
        commands: [made.command, `${made.command} --numbers=${i}`],
      },
    })));
    this.tellCommands("grid", made.command);
  }

  textOfClass(id) {
    return this.model.description.server.class_texts[id];
  }

  async turn(check) {
    const { image, name, label = {}, commands } = this.chosen;
    if (commands) this.tellCommands("grid", ...commands);
    const angle = number("angle");
    const parts = Math.ceil(angle / LARGEST_TURN);
    let strip = [image];
    if (parts) {
      const path = { num_images: parts + 1, angle_degrees: angle / parts };
      const images = { image: [{ name, pixels: pixelsOf(image) }] };
      const made = await this.draw(check, "walk", { ...path, ...label, ...this.loop() }, images);
      strip = [made.rows[0].at(-1)];
      this.tellCommands("turned", made.command);
    }
    this.show("turned", [{ strip, caption: `${angle} degrees` }]);
  }

  async walk(check) {
    const { classes } = { classes: "none", ...this.classesOfEnds() };
    const seeds = `${number("from")},${number("to")}`;
    const flags = { seeds, num_images: POINTS_OF_WALK, classes, ...this.loop() };
    if (this.walked?.key !== JSON.stringify(flags)) {
      const made = await this.draw(check, "interpolate", flags);
      this.walked = { ...made, key: JSON.stringify(flags) };
    }
    const point = Math.round(number("way") * (POINTS_OF_WALK - 1));
    const caption = `picture ${point + 1} of ${POINTS_OF_WALK}`;
    const chosen = { image: this.walked.rows[0][point], name: `between_${point}.png` };
    this.show("walked", [{ strip: [chosen.image], caption, chosen }]);
    this.tellCommands("walked", this.walked.command);
  }

  /** One class, or two, of which the walk goes from one to the other. */
  classesOfEnds() {
    if (!this.model.description.config.num_classes || $("class").value === "all") return {};
    const ids = $("other").value === "" ? ["class"] : ["class", "other"];
    return { classes: ids.map((id) => quoted(this.classText(id))).join(",") };
  }

  async reconstruct(check) {
    const images = { image: [{ name: this.own.name, pixels: pixelsOf(this.own.image) }] };
    const { guidance_scale: _, guidance_degrees: __, ...weights } = this.prior();
    const flags = { ...this.label(), ...weights };
    const plain = await this.draw(check, "reconstruct", flags, images);
    const near = { ...flags, num_variations: number("count"), strength: number("strength") };
    const varied = await this.draw(check, "variations", near, images);
    const [own, decoded] = plain.rows[0];
    const pictures = [own, decoded, ...varied.rows[0].slice(1)];
    this.show("reconstructed", pictures.map((image, i) => ({
      strip: [image],
      caption: ["yours", "decoded"][i] ?? `variation ${i - 1}`,
      chosen: { image, name: i ? `near_${i}.png` : this.own.name, label: this.label() },
    })));
    this.tellCommands("reconstructed", plain.command, varied.command);
  }

  /** A file's picture, cropped and resized by the server as its commands do it. */
  async read(file) {
    if (file.size > LARGEST_FILE) throw new Error(`${file.name} is larger than 20 MB.`);
    const { pixels } = await this.ask("image", new Blob([file]));
    return { image: imageOf(pixels), name: file.name };
  }

  tellCommands(area, ...commands) {
    const box = document.querySelector(`.command[data-of=${area}]`);
    box.hidden = false;
    box.querySelector("pre").textContent = commands.join("\n");
  }
}

// ---- Editing ----

/** The pictures to edit, and what is painted on the first. */
class Editor {
  constructor(page) {
    this.page = page;
    this.slots = { first: null, second: null };
    const [side] = page.model.imageShape;
    Object.assign($("paint"), { width: side, height: side });
    $("brush").max = Math.max(2, Math.round(side / 4));
    $("brush").value = Math.max(1, Math.round(side / 12));
    this.clear();
    this.connect();
  }

  clear() {
    const [side] = this.page.model.imageShape;
    this.painted = new Uint8Array(side * side);
    this.showPaint();
  }

  /** Fills a slot with a picture: `image` and `name`. */
  fill(slot, picture) {
    this.slots[slot] = picture;
    const canvas = this.page.canvas(picture.image, 192);
    if (slot === "second") return $("second").replaceChildren(canvas);
    $("painting").replaceChildren(canvas, $("paint"));
    $("paint").style.width = canvas.style.width;
  }

  showPaint() {
    const [side] = this.page.model.imageShape;
    const pixels = new ImageData(side, side);
    this.painted.forEach((value, i) => pixels.data.set([225, 60, 140, value && 170], 4 * i));
    $("paint").getContext("2d").putImageData(pixels, 0, 0);
  }

  /** Paints a disc around a place, in shares of the canvas. */
  paint(event) {
    const box = $("paint").getBoundingClientRect();
    const [side] = this.page.model.imageShape;
    const place = [(event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height];
    const [x, y] = place.map((share) => share * side);
    this.painted.forEach((_, i) => {
      const apart = Math.hypot((i % side) + 0.5 - x, Math.floor(i / side) + 0.5 - y);
      if (apart <= number("brush")) this.painted[i] = 1;
    });
    $("hide").value = "";
    this.showPaint();
  }

  hide() {
    const [side] = this.page.model.imageShape;
    const isHidden = HIDDEN[$("hide").value];
    if (!isHidden) return;
    const hides = (_, i) => isHidden((i % side) / side, Math.floor(i / side) / side);
    this.painted = Uint8Array.from(this.painted, hides);
    this.showPaint();
  }

  /** Images of some slots as the server takes them, and the mask if it is asked for. */
  images(slots, withMask) {
    const given = slots.map((slot) => {
      if (!this.slots[slot]) throw new Error(`Choose the ${slot} picture: a file, or one above.`);
      const { name, image } = this.slots[slot];
      return { name, pixels: pixelsOf(image) };
    });
    if (!withMask) return { image: given };
    if (!this.painted.includes(1)) throw new Error("Paint on the first picture, or hide a part.");
    const mask = this.painted.map((value) => (value ? 0 : 255));
    return { image: given, mask: [{ name: "mask.png", pixels: textOf(mask) }] };
  }

  async cross(check) {
    const masked = $("pattern").value === "mask";
    const flags = { strength: number("cross-strength"), ...this.page.label(), ...this.page.loop() };
    if (!masked) flags.pattern = $("pattern").value;
    await this.show(check, "crossover", flags, this.images(["first", "second"], masked));
  }

  async fillIn(check) {
    const flags = { ...this.page.prior(), ...this.page.label("fill-class") };
    await this.show(check, "inpaint", flags, this.images(["first"], true));
  }

  async change(check) {
    const classes = quoted(this.page.classText("become"));
    const flags = { classes, strength: number("become-strength"), ...this.page.loop() };
    await this.show(check, "classes", flags, this.images(["first"]));
  }

  async show(check, task, flags, images) {
    const made = await this.page.draw(check, task, flags, images);
    this.used = images;
    this.page.show("edited", made.rows.flatMap((row) => row.map((image, i) => ({
      strip: [image],
      caption: made.column_names[i],
      chosen: { image, name: `${task}_${i}.png` },
    }))));
    if (made.row_names[0]) say(`${$("status").textContent} ${made.row_names[0]}.`);
    this.page.tellCommands("edited", made.command);
    $("inputs").disabled = false;
  }

  /** Saves the pictures of the last command at their own size, as it reads them. */
  saveInputs() {
    const [, , colors] = this.page.model.imageShape;
    const grays = (image) => Float32Array.from({ length: image.length * colors }, (_, i) =>
      image[Math.floor(i / colors)]);
    const saved = this.used.image.map(({ name, pixels }) => [name, imageOf(pixels)]);
    saved.push(...(this.used.mask ?? []).map(({ name, pixels }) => [name, grays(imageOf(pixels))]));
    for (const [name, image] of saved) {
      const download = name.replace(/(\.[^.]*)?$/, ".png");
      this.page.canvas(image, 1).toBlob((blob) => save(URL.createObjectURL(blob), download));
    }
  }

  connect() {
    const { page } = this;
    const doing = (work) => () => page.run((check) => work.call(this, check));
    const clicks = { cross: this.cross, fill: this.fillIn, change: this.change };
    for (const [id, work] of Object.entries(clicks)) $(id).onclick = doing(work);
    $("inputs").onclick = () => this.saveInputs();
    $("unpaint").onclick = () => this.clear();
    $("hide").onchange = () => this.hide();
    for (const button of document.querySelectorAll(".take")) {
      button.onclick = () => page.chosen && this.fill(button.dataset.slot, page.chosen);
    }
    for (const field of document.querySelectorAll(".slot-file")) {
      field.onchange = () => page.run(async () => {
        this.fill(field.dataset.slot, await page.read(field.files[0]));
        say(`${field.files[0].name} is the ${field.dataset.slot} picture.`);
      });
    }
    $("paint").onpointerdown = (event) => {
      $("paint").setPointerCapture(event.pointerId);
      this.paint(event);
    };
    $("paint").onpointermove = (event) => event.buttons && this.paint(event);
  }
}

// ---- What the model does ----

const save = (href, download) =>
  Object.assign(document.createElement("a"), { href, download }).click();

function pictureOf(text, alt) {
  const src = URL.createObjectURL(new Blob([bytesOf(text)], { type: "image/png" }));
  const picture = Object.assign(document.createElement("img"), { src, alt });
  picture.onload = () => URL.revokeObjectURL(src);
  return picture;
}

async function showTable(page, check) {
  const { config } = page.model.description;
  const { num_classes: classes, motion } = config;
  const steps = STEPS_OF_TABLE.filter((count) => count <= Number($("steps").max));
  const flags = { ...page.loop(), steps: steps.join(","), num_images: Math.min(classes || 8, 10) };
  if (classes) {
    const [name, off] = motion === "rotation" ? ["guidance_degrees", 0] : ["guidance_scale", 1];
    const strength = number("guidance");
    flags[name] = [...new Set([off, strength, 2 * strength - off])].join(",");
    flags.classes = "all";
  }
  const asked = { task: "generate", flags, as_picture: true };
  const { picture, command } = await page.ask("draw", JSON.stringify(asked));
  check();
  $("evaluated").replaceChildren(pictureOf(picture, "Pictures by steps and guidance"));
  page.tellCommands("evaluated", command);
  say("Steps from above to below, guidance from left to right.");
}

async function showDiagnosis(page, check) {
  const { use_ema } = page.prior();
  const asked = { seed: number("seed") % 2 ** 32, ...(use_ema === undefined ? {} : { use_ema }) };
  const { pictures, text } = await page.ask("sphere", JSON.stringify(asked));
  check();
  const alts = ["Histograms of norms and of angles", "Drift over ten loops"];
  const shown = pictures.map((picture, i) => pictureOf(picture, alts[i]));
  const numbers = Object.assign(document.createElement("pre"), { textContent: text });
  $("evaluated").replaceChildren(...shown, numbers);
  document.querySelector(".command[data-of=evaluated]").hidden = true;
  say("The diagnostics of the sphere, of 64 pictures that the model made.");
}

// ---- The page's own parts ----

/** A box for the command, behind the button of an area. */
function commandBox(area) {
  const box = Object.assign(document.createElement("div"), { className: "command", hidden: true });
  const text = Object.assign(document.createElement("pre"), { tabIndex: 0 });
  const copy = Object.assign(document.createElement("button"), { textContent: "Copy the command" });
  copy.type = "button";
  copy.onclick = async () => {
    getSelection().selectAllChildren(text); // where there is no clipboard, Ctrl-C does it
    await navigator.clipboard?.writeText(text.textContent).catch(() => null);
    say("The command is copied; it makes the same in a terminal.");
  };
  box.append(text, copy);
  box.dataset.of = area;
  return box;
}

function addParts({ server, files, config }) {
  for (const button of document.querySelectorAll(".download")) {
    const place = button.parentNode.matches(".row-of-buttons") ? button.parentNode : button;
    place.after(commandBox(button.dataset.of));
  }
  $("evaluated").after(commandBox("evaluated"));
  const options = server.class_names.map((name, id) => [name, id]);
  const fill = (id, list) => $(id).replaceChildren(...list.map((entry) => new Option(...entry)));
  fill("become", options);
  const first = options.length && options.length <= 20 ? [["the best fitting", "best"]] : [];
  fill("fill-class", [...first, ["no class", "none"], ...options]);
  if (server.keeps_average) {
    const field = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", id: "average" });
    box.checked = server.uses_average ?? true;
    field.className = "check";
    field.append(box, " Moving average of the weights");
    $("show-steps").closest("label").after(field);
  }
  for (const id of ["edit", "diagnose"]) $(id).hidden = !files.encoder;
  $("turn-title").closest("section").hidden = !files.encoder; // it starts from the picture
  $("turn-hint").textContent = "The chosen picture is encoded, and walks along a great circle.";
  $("own").querySelector(".hint").textContent =
    "It is sent to this page's server, encoded and decoded, with noise in between for variations.";
  Object.assign($("angle"), { min: 0, max: 175 });
  $("way").step = 1 / (POINTS_OF_WALK - 1);
}

/** Makes the page that sphere.js found into one with a server. */
export async function openPage(description) {
  const answer = await fetch("server.html");
  document.querySelector(".results").insertAdjacentHTML("beforeend", await answer.text());
  addParts(description);
  const page = new ServerPage(new ServerModel(description));
  page.editor = new Editor(page);
  $("table").onclick = () => page.run((check) => showTable(page, check));
  $("diagnose").onclick = () => page.run((check) => showDiagnosis(page, check));
  return page;
}

// The page with a Python model behind it. sphere.js loads this file where model.json says
// so. It has the page's parts in common; here is what it does by the server, with the
// command of the command line that does the same.

import { Editor, showDiagnosis, showTable } from "./editor.js";
import { imageOf, pixelsOf, quoted, ServerModel, tellProgress } from "./server_model.js";
import { $, number, Page, say } from "./sphere.js";

const LARGEST_FILE = 20e6;
const POINTS_OF_WALK = 11;
const LARGEST_TURN = 89; // of one step of a walk, in degrees

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
    if (!parts) say("The chosen picture as it is.");
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
    const caption = `at ${number("way")}`;
    say(`Picture ${point + 1} of the ${POINTS_OF_WALK} between, by ${this.engine}.`);
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

function addParts({ server, files, sampling }) {
  document.body.className = "served";
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
    box.checked = server.uses_average ?? sampling.use_ema;
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

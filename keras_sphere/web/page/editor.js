// Editing of pictures, and pictures of what the model does.

import { bytesOf, imageOf, pixelsOf, quoted, textOf } from "./server_model.js";
import { $, number, say } from "./sphere.js";

const STEPS_OF_TABLE = [1, 2, 4];
const HIDDEN = {
  left: (x) => x < 0.5,
  right: (x) => x >= 0.5,
  top: (x, y) => y < 0.5,
  bottom: (x, y) => y >= 0.5,
  center: (x, y) => [x, y].every((value) => value >= 0.25 && value < 0.75),
};

/** The pictures to edit, and what is painted on the first. */
export class Editor {
  constructor(page) {
    this.page = page;
    this.slots = { first: null, second: null };
    const [side] = page.model.imageShape;
    Object.assign($("paint"), { width: side, height: side });
    $("brush").max = Math.max(2, Math.round(side / 4));
    $("brush").value = Math.max(1, Math.round(side / 10));
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

  /** Paints all pixels near the way from the place before to that of the pointer. */
  paint(event) {
    const box = $("paint").getBoundingClientRect();
    const [side] = this.page.model.imageShape;
    const shares = [(event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height];
    const [x, y] = shares.map((share) => share * side);
    const [fromX, fromY] = (event.type === "pointermove" && this.place) || [x, y];
    const [alongX, alongY] = [x - fromX, y - fromY];
    const length = alongX ** 2 + alongY ** 2 || 1;
    this.painted.forEach((_, i) => {
      const [overX, overY] = [(i % side) + 0.5 - fromX, Math.floor(i / side) + 0.5 - fromY];
      const share = Math.min(1, Math.max(0, (overX * alongX + overY * alongY) / length));
      const apart = Math.hypot(overX - share * alongX, overY - share * alongY);
      if (apart <= number("brush")) this.painted[i] = 1;
    });
    this.place = [x, y];
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
    if (task === "inpaint" && made.row_names[0]) {
      say(`${$("status").textContent} The rest fits ${made.row_names[0]} best.`);
    }
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

const save = (href, download) =>
  Object.assign(document.createElement("a"), { href, download }).click();

function pictureOf(text, alt) {
  const src = URL.createObjectURL(new Blob([bytesOf(text)], { type: "image/png" }));
  const picture = Object.assign(document.createElement("img"), { src, alt });
  picture.onload = () => URL.revokeObjectURL(src);
  return picture;
}

export async function showTable(page, check) {
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

export async function showDiagnosis(page, check) {
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

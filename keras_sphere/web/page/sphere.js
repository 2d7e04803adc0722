// Pictures from points of a sphere, made on the reader's own machine: geometry and draws,
// the loops of both methods, the runtime (in a worker, which loads this file again), the
// model as the page sees it, the page. Images and latents are lists of a Float32Array per
// picture, labels of class weights, the null class last, or null where there are none.

// ---- Geometry: as keras_sphere.geometry and keras_sphere.rotation ----

/** a x + b y. */
export const combine = (a, x, b, y) => x.map((value, i) => a * value + b * y[i]);

export const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);

const norm = (x) => Math.sqrt(dot(x, x));
const unit = (x) => combine(1 / Math.max(norm(x), 1e-6), x, 0, x);

/** Applies a function to each vector that has a sphere of its own: the latent, or a token. */
function onEachSphere(latents, sphere, change) {
  const length = sphere.perToken ? sphere.channels : latents[0].length;
  const result = new Float32Array(latents[0].length);
  for (let at = 0; at < result.length; at += length) {
    result.set(change(...latents.map((latent) => latent.subarray(at, at + length))), at);
  }
  return result;
}

/** f(z) = z / sqrt(mean(z^2) + epsilon). */
export function spherify(latent, sphere = {}) {
  const scale = (z) => 1 / Math.sqrt(dot(z, z) / z.length + (sphere.epsilon ?? 1e-6));
  return onEachSphere([latent], sphere, (z) => combine(scale(z), z, 0, z));
}

/** f(z + sigma e), and exactly z where sigma is 0. */
export function perturb(point, noise, sigma, sphere) {
  return sigma === 0 ? point : spherify(combine(1, point, sigma, noise), sphere);
}

/** cos(a) z + sin(a) f(e), which is not projected. */
export function rotate(point, noise, radians, sphere) {
  const angle = Math.max(radians, 0);
  return combine(Math.cos(angle), point, Math.sin(angle), spherify(noise, sphere));
}

/** Guidance by an angle: cos(b) z + sin(b) f(c z - r). */
export function rotateAway(point, reference, radians, sphere) {
  const cosine = dot(point, reference) / (norm(point) * norm(reference) + 1e-8);
  const tangent = combine(cosine, point, -1, reference);
  if (norm(tangent) <= 1e-6) return point;
  return combine(Math.cos(radians), point, Math.sin(radians), spherify(tangent, sphere));
}

/** The point at a share of the great circle from a to b; in equal angles. */
export function slerp(a, b, share, sphere = {}) {
  return onEachSphere([a, b], sphere, (x, y) => {
    const [start, end] = [unit(x), unit(y)];
    const [apart, sum] = [-1, 1].map((sign) => norm(combine(1, start, sign, end)));
    return along(start, tangentAt(start, end), share * 2 * Math.atan2(apart, sum));
  });
}

/** A point turned by an angle along the great circle that leaves in a direction. */
export function turn(point, direction, radians, sphere = {}) {
  const turned = (x, y) => along(unit(x), tangentAt(unit(x), y), radians);
  return onEachSphere([point, direction], sphere, turned);
}

function along(start, tangent, radians) {
  const [x, y] = [Math.cos, Math.sin].map((of) => Math.sqrt(start.length) * of(radians));
  return combine(x, start, y, tangent);
}

/** The unit vector at `start` towards `end`; between opposite points, always the same. */
function tangentAt(start, end) {
  const reject = (x) => combine(1, x, -dot(x, start), start);
  if (norm(reject(end)) > 1e-5) return unit(reject(end));
  const sizes = start.map(Math.abs);
  const smallest = sizes.indexOf(sizes.reduce((a, b) => Math.min(a, b)));
  return unit(reject(start.map((_, i) => (i === smallest ? 1 : 0))));
}

/** Standard normal draws that depend on the keys alone (and are not Python's). */
export function normals(count, ...keys) {
  const uniform = generator(keys);
  const draws = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    draws[i] = radius * Math.cos(angle);
    if (i + 1 < count) draws[i + 1] = radius * Math.sin(angle);
  }
  return draws;
}

/** Uniform draws in [0, 1): sfc32 by Chris Doty-Humphrey, which is public domain. */
function generator(keys) {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 1];
  const next = () => {
    const sum = (a + b + d) | 0;
    [a, b, d] = [b ^ (b >>> 9), (c + (c << 3)) | 0, (d + 1) | 0];
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (const key of keys) {
    [a, b] = [a ^ (key | 0), b ^ Math.floor(key / 2 ** 32)];
    for (let i = 0; i < 16; i++) next();
  }
  return next;
}

// ---- Loops: as keras_sphere.models.loops and the `plan` of the sampling options ----

const radiansOf = (degrees) => (degrees * Math.PI) / 180;
const clip = (image) => image.map((value) => Math.min(1, Math.max(-1, value)));

/** The sphere of a model, from its description. */
export const sphereOf = ({ config }) => ({
  perToken: config.spherify_per_token,
  channels: config.token_channels,
  epsilon: config.epsilon,
});

/** How each step moves the latent, what the decoder is told, and where guidance acts. */
export function planOf({ config, sampling, max_angle_degrees: trained }, steps, guidance) {
  const each = Array.from({ length: steps }, (_, t) => t);
  const plan = { encoder: null, decoder: null, radians: null, told: each.map(() => 0) };
  if (config.motion === "rotation") {
    const first = radiansOf(sampling.angle_degrees);
    const loop = radiansOf(sampling.loop_angle_degrees ?? sampling.angle_degrees);
    plan.told = each.map((t) => (t ? loop : first));
    if (config.num_classes && guidance > 0) plan.radians = radiansOf(guidance);
    return { ...plan, move: rotate, amounts: each.map((t) => (t ? loop : 0)) };
  }
  const both = sampling.guidance_position === "both";
  for (const place of ["encoder", "decoder"]) {
    if (!config.num_classes || guidance <= 1) continue;
    if (both) plan[place] = Math.sqrt(guidance);
    else if (sampling.guidance_position === place) plan[place] = guidance;
  }
  const sigma = Math.tan(radiansOf(sampling.max_angle_degrees ?? trained));
  const share = (t) => (sampling.schedule === "fixed" ? 1 : 1 - t / steps);
  return { ...plan, move: perturb, amounts: each.map((t) => (t ? share(t) * sigma : 0)) };
}

/**
 * Generates from `noise`, a list of latents, and yields the images of every step.
 *
 * `model` has `description`, `decode` and `encode`, as `WorkerModel`. `draw` gives the
 * latents of a draw of the later steps by its number, from 0; shared noise is draw 0 where
 * it is added, and the start where it turns. Guidance by an angle keeps a second stream of
 * images without class, from which those with class turn away.
 */
export async function* generate(model, { noise, draw, labels, steps, guidance }) {
  const { config, sampling } = model.description;
  const sphere = sphereOf(model.description);
  const plan = planOf(model.description, steps, guidance);
  const { encoder, decoder, radians } = plan;
  const [count, streams] = [noise.length, radians === null ? [0] : [0, 1]];
  const rows = streams.length === 2 ? [...labels, ...nullLike(labels)] : labels;
  const noiseOf = (t, stream) => {
    if (!sampling.shared_noise) return draw(streams.length * (t - 1) + stream);
    return config.motion === "rotation" ? noise : draw(0);
  };
  const onSphere = (latents) => latents.map((latent) => spherify(latent, sphere));
  let [points, images] = [streams.flatMap(() => onSphere(noise)), null];
  for (let t = 0; t < steps; t++) {
    if (t > 0) {
      const encode = (...given) => model.encode(...given);
      const encoded = onSphere(await guide(encode, images, rows, encoder));
      const added = streams.flatMap((stream) => noiseOf(t, stream));
      points = encoded.map((point, i) => {
        const away = encoded[i + count] && rotateAway(point, encoded[i + count], radians, sphere);
        return plan.move(away ? spherify(away, sphere) : point, added[i], plan.amounts[t], sphere);
      });
    }
    const decode = (z, given) => model.decode(z, given, z.map(() => plan.told[t]));
    images = await guide(decode, points, rows, decoder);
    if (decoder !== null) images = images.map(clip);
    yield images.slice(0, count).map(clip);
  }
}

/** Classifier-free guidance: null + weight (conditional - null). */
async function guide(network, inputs, labels, weight) {
  if (weight === null) return network(inputs, labels);
  const both = await network([...inputs, ...inputs], [...labels, ...nullLike(labels)]);
  return inputs.map((_, i) => combine(weight, both[i], 1 - weight, both[i + inputs.length]));
}

const nullLike = (labels) =>
  labels.map((row) => row.map((_, i) => (i === row.length - 1 ? 1 : 0)));

/** Images encoded, and their points moved by noise of a strength in [0, 1]. */
export async function variations(model, { images, labels, strength, noise }) {
  const { config, max_angle_degrees: trained } = model.description;
  const sphere = sphereOf(model.description);
  const latents = (await model.encode(images, labels)).map((z) => spherify(z, sphere));
  const turns = config.motion === "rotation";
  const amount = turns ? radiansOf(strength * trained) : strength * Math.tan(radiansOf(trained));
  const move = turns ? rotate : perturb;
  const points = latents.map((z, i) => move(z, noise[i], amount, sphere));
  return { points, images: await decodePoints(model, points, labels, turns ? amount : 0) };
}

/** Images of points as they are, in one step; the decoder is told `radians`. */
export async function decodePoints(model, points, labels, radians = 0) {
  return (await model.decode(points, labels, points.map(() => radians))).map(clip);
}

// ---- Runtime: sessions of onnxruntime-web, in a worker ----

// The smallest module with an instruction of WASM SIMD.
const SIMD = "AGFzbQEAAAABBQFgAAF7AwIBAAoKAQgAQQD9D/1iCw==";

const hasSimd = () =>
  globalThis.WebAssembly?.validate(Uint8Array.from(atob(SIMD), (c) => c.charCodeAt()));

/** The bytes of a file, or an error that says what is wrong with it. */
async function load({ url, bytes, integrity }) {
  postMessage({ progress: `Loading ${url.split("/").at(-1)}, ${(bytes / 1e6).toFixed(1)} MB` });
  const failed = (why) => new Error(`The file ${url} could not be loaded: ${why}.`);
  const response = await fetch(url, { integrity: integrity ?? "" }).catch(() => {
    throw failed(`there is no answer${integrity ? ", or it is not the file asked for" : ""}`);
  });
  if (!response.ok) throw failed(`the server answers ${response.status}`);
  const content = await response.arrayBuffer();
  if (content.byteLength === bytes) return new Uint8Array(content);
  throw failed(`it has ${content.byteLength} bytes in place of ${bytes}`);
}

async function hasWebGpu() {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !adapter.info?.isFallbackAdapter;
}

class Sessions {
  /** Loads the networks and the runtime; returns what runs them. */
  async open({ files, runtime }, wanted) {
    if (!hasSimd()) throw new Error("This browser has no WebAssembly SIMD, which is needed here.");
    const networks = {};
    for (const [part, file] of Object.entries(files)) networks[part] = await load(file);
    const start = (way) => this.start(way, runtime[way], networks);
    const tryGpu = wanted !== "wasm" && (await hasWebGpu());
    if (tryGpu && (await start("webgpu").catch(() => false))) return "WebGPU";
    return (await start("wasm")) && "WASM with SIMD, one thread";
  }

  async start(way, { script, binary }, networks) {
    const code = new Blob([await load(script)], { type: "text/javascript" });
    this.runtime = await import(URL.createObjectURL(code));
    Object.assign(this.runtime.env.wasm, { wasmBinary: await load(binary), numThreads: 1 });
    this.sessions = {};
    for (const [part, bytes] of Object.entries(networks)) {
      const session = this.runtime.InferenceSession.create(bytes, { executionProviders: [way] });
      this.sessions[part] = await session.catch(({ message }) => {
        throw new Error(`The runtime refuses ${part}.onnx: ${message}`);
      });
    }
    return true;
  }

  /** Runs a network on a dict of name -> [numbers, shape]. */
  async run(part, inputs) {
    const session = this.sessions[part];
    const tensor = (name) => new this.runtime.Tensor("float32", ...inputs[name]);
    const feeds = Object.fromEntries(session.inputNames.map((name) => [name, tensor(name)]));
    // Beside what people want (clipped, on the sphere) there may be what the loop needs.
    const raw = session.outputNames.find((name) => name.startsWith("raw_"));
    const output = raw ?? session.outputNames[0];
    return (await session.run(feeds, [output]))[output].data;
  }
}

function serveWorker() {
  const sessions = new Sessions();
  self.onmessage = async ({ data: { id, call, values } }) => {
    const answer = sessions[call](...values).then((result) => ({ result }));
    postMessage({ id, ...(await answer.catch((error) => ({ error: error.message }))) });
  };
}

// ---- The model as the page sees it ----

/** Encoder and decoder behind three functions; a page with a server has server.js. */
export class WorkerModel {
  constructor(description, onProgress) {
    this.description = description;
    const { image_size: side, patch_size: patch, ...config } = description.config;
    this.imageShape = [side, side, config.num_channels];
    this.latentShape = [(side / patch) ** 2, config.token_channels];
    this.waiting = [];
    this.worker = new Worker(import.meta.url, { type: "module" });
    this.worker.onerror = () => {
      for (const [, reject] of this.waiting) reject(new Error("The worker has failed."));
    };
    this.worker.onmessage = ({ data: { id, result, error, progress } }) => {
      if (progress) return onProgress(progress);
      const [resolve, reject] = this.waiting[id];
      return error === undefined ? resolve(result) : reject(new Error(error));
    };
  }

  call(call, ...values) {
    return new Promise((resolve, reject) => {
      const id = this.waiting.push([resolve, reject]) - 1;
      this.worker.postMessage({ id, call, values });
    });
  }

  /** Loads everything; returns a text that says what runs it. */
  open(wanted) {
    return this.call("open", this.description, wanted);
  }

  /** Points to images, not clipped; angles, in radians, for decoders that are told. */
  decode(points, labels, angles) {
    const rows = { latents: [points, this.latentShape], angles: [angles.map((a) => [a]), []] };
    return this.run("decoder", this.imageShape, { ...rows, labels });
  }

  /** Images to latents that are not on the sphere yet. */
  encode(images, labels) {
    return this.run("encoder", this.latentShape, { images: [images, this.imageShape], labels });
  }

  async run(part, shape, { labels, ...rows }) {
    const inputs = {};
    if (labels) rows.labels = [labels, [labels[0].length]];
    for (const [name, [given, rowShape]] of Object.entries(rows)) {
      const flat = new Float32Array(given.length * given[0].length);
      given.forEach((row, i) => flat.set(row, i * row.length));
      inputs[name] = [flat, [given.length, ...rowShape]];
    }
    const result = await this.call("run", part, inputs);
    if (!result.every(Number.isFinite)) throw new Error(`${part}.onnx gives no numbers here.`);
    const length = shape.reduce((a, b) => a * b);
    return Array.from({ length: result.length / length }, (_, i) =>
      result.slice(i * length, (i + 1) * length));
  }
}

// ---- The page ----

const CHUNK = 8; // pictures per call, so that the page can say how far it is
const LARGEST_FILE = 50e6;
export const STOPPED = new Error("stopped");
export const $ = (id) => document.getElementById(id);
export const number = (id) => Number($(id).value);

const fail = (error) => say(error.message, 0, "error");

export function say(text, share = 1, kind = "") {
  Object.assign($("status"), { textContent: text, className: kind });
  $("progress").value = share;
}

export class Page {
  constructor(model) {
    [this.model, this.sphere] = [model, sphereOf(model.description)];
    this.noise = null; // for programs, in place of draws: { start, later: [] }
    [this.job, this.last, this.chosen] = [0, Promise.resolve(), null];
  }

  /** Does work after what is being done, which stops; the newest alone remains. */
  run(work, ...fields) {
    if (![$("settings"), ...fields].every((field) => field.reportValidity())) return;
    const job = ++this.job;
    const check = () => {
      if (job !== this.job) throw STOPPED;
    };
    this.last = this.last.then(async () => {
      if (job !== this.job) return;
      $("stop").disabled = false;
      await work(check).catch((error) => error === STOPPED || fail(error));
      $("stop").disabled = job === this.job;
    });
  }

  draws(seed, index, draw) {
    const [tokens, channels] = this.model.latentShape;
    return normals(tokens * channels, seed, index, draw);
  }

  /** Class weights of pictures; `fallback` in place of "each in turn". */
  labels(count, fallback) {
    const classes = this.model.description.config.num_classes;
    const share = $("other").value === "" ? 0 : number("share");
    const all = $("class").value === "all";
    return classes ? Array.from({ length: count }, (_, i) => {
      const row = new Float32Array(classes + 1);
      row[all ? fallback ?? i % classes : number("class")] += 1 - share;
      if (share) row[number("other")] += share;
      return row;
    }) : null;
  }

  /** Generates from points; returns the list of steps of each picture. */
  async make(check, noise, later, labels, onChunk = () => {}) {
    const [steps, guidance, total] = [number("steps"), number("guidance"), noise.length];
    const [begin, strips] = [performance.now(), noise.map(() => [])];
    for (let at = 0; at < total; at += CHUNK) {
      const part = (list) => list && list.slice(at, at + CHUNK);
      const inputs = { noise: part(noise), draw: (k) => part(later(k)), labels: part(labels) };
      let t = 0;
      for await (const images of generate(this.model, { ...inputs, steps, guidance })) {
        check();
        images.forEach((image, i) => strips[at + i].push(image));
        const share = (at + (images.length * ++t) / steps) / total;
        say(`Step ${t} of ${steps}, picture ${at + images.length} of ${total}`, share);
      }
      onChunk(strips.slice(0, at + CHUNK));
    }
    const seconds = (performance.now() - begin) / 1000;
    const [all, each] = [seconds, seconds / total].map((value) => `${value.toPrecision(2)} s`);
    say(`${total} picture${total > 1 ? "s" : ""} in ${all}, ${each} each, by ${this.engine}.`);
    return strips;
  }

  async generate(check) {
    const [count, seed] = [this.noise?.start.length ?? number("count"), number("seed")];
    const drawn = (k) => Array.from({ length: count }, (_, i) => this.draws(seed, i, k));
    const later = (k) => this.noise?.later?.[k] ?? drawn(k + 1);
    const [starts, labels] = [this.noise?.start ?? drawn(0), this.labels(count)];
    const from = $("show-steps").checked ? 0 : -1;
    const names = [...$("class").options].slice(1).map((option) => option.text);
    const caption = (row) => names.filter((_, k) => row[k]).join(" + ");
    await this.make(check, starts, later, labels, (strips) =>
      this.show("grid", strips.map((strip, i) => ({
        strip: strip.slice(from),
        caption: labels ? caption(labels[i]) : `${i + 1}`,
        chosen: { start: starts[i], label: labels && [labels[i]], later: (k) => [later(k)[i]] },
      }))));
  }

  async turn(check) {
    const { start, label, later, own } = this.chosen;
    const direction = this.draws(number("seed"), 2 ** 31, 0);
    const points = [turn(start, direction, radiansOf(number("angle")), this.sphere)];
    const made = own || (await this.make(check, points, later, label))[0].slice(-1);
    const strip = own ? await decodePoints(this.model, points, label) : made;
    check();
    this.show("turned", [{ strip, caption: `${number("angle")} degrees` }]);
  }

  async walk(check) {
    const [from, to] = ["from", "to"].map((id) => this.draws(number(id), 0, 0));
    const points = [slerp(from, to, number("way"), this.sphere)];
    const later = (k) => [this.draws(number("seed"), 0, k + 1)];
    const [strip] = await this.make(check, points, later, this.labels(1, 0));
    this.show("walked", [{ strip: strip.slice(-1), caption: `at ${number("way")}` }]);
  }

  async reconstruct(check) {
    const [seed, strength, images] = [number("seed"), number("strength"), [this.own]];
    const [count, items] = [number("count") + 1, [{ strip: images, caption: "yours" }]];
    const label = this.labels(1, this.model.description.config.num_classes);
    for (let i = 0; i < count; i++) {
      const how = { strength: i ? strength : 0, noise: [this.draws(seed, i, 1)] };
      const made = await variations(this.model, { images, labels: label, ...how });
      check();
      const chosen = { start: made.points[0], label, own: true };
      items.push({ strip: made.images, caption: i ? `variation ${i}` : "decoded", chosen });
      say(`Picture ${i + 1} of ${count}`, (i + 1) / count);
    }
    this.show("reconstructed", items);
  }

  /** Fills an area with pictures: `strip`, `caption` and, if it can be turned, `chosen`. */
  show(area, items) {
    const size = $(area).classList.contains("large") ? 192 : innerWidth < 500 ? 64 : 96;
    $(area).replaceChildren(...items.map(({ strip, caption, chosen }) => {
      const entry = document.createElement(chosen ? "button" : "figure");
      const row = Object.assign(document.createElement("span"), { className: "strip" });
      row.append(...strip.map((image) => this.canvas(image, size)));
      entry.append(row, caption);
      const choose = () => {
        document.querySelector("[aria-pressed=true]")?.setAttribute("aria-pressed", "false");
        entry.setAttribute("aria-pressed", "true");
        this.chosen = chosen;
      };
      if (chosen) entry.onclick = () => { choose(); this.run((check) => this.turn(check)); };
      if (area === "grid" && items[0].chosen === chosen) choose();
      return entry;
    }));
    document.querySelector(`[data-of=${area}]`).disabled = false;
  }

  canvas(image, size) {
    const [side, , colors] = this.model.imageShape;
    const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const pixels = new ImageData(side, side);
    pixels.data.forEach((_, i) => {
      const value = image[(i >> 2) * colors + Math.min(i & 3, colors - 1)];
      pixels.data[i] = (i & 3) === 3 ? 255 : Math.round((value + 1) * 127.5);
    });
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    canvas.style.width = `${side * Math.max(1, Math.floor(size / side))}px`;
    return canvas;
  }

  /** Saves what an area shows as one PNG file, small pictures enlarged. */
  download(area) {
    const all = [...$(area).querySelectorAll("canvas")];
    const steps = $(area).querySelector(".strip").children.length;
    const columns = steps > 1 ? steps : Math.ceil(Math.sqrt(all.length));
    const side = all[0].width * Math.ceil(48 / Math.min(48, all[0].width));
    const [width, height] = [columns * side, Math.ceil(all.length / columns) * side];
    const sheet = Object.assign(document.createElement("canvas"), { width, height });
    const context = sheet.getContext("2d");
    context.imageSmoothingEnabled = false;
    all.forEach((canvas, i) =>
      context.drawImage(canvas, (i % columns) * side, Math.floor(i / columns) * side, side, side));
    const download = `${this.model.description.name}_${area}.png`;
    const save = (href) => Object.assign(document.createElement("a"), { download, href }).click();
    sheet.toBlob((blob) => save(URL.createObjectURL(blob)));
  }

  /** A file's picture: its middle square, at the model's size and with its colors. */
  async read(file) {
    const [side, , colors] = this.model.imageShape;
    if (file.size > LARGEST_FILE) throw new Error(`${file.name} is larger than 50 MB.`);
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new Error(`${file.name} is no picture that this browser can read.`);
    });
    const edge = Math.min(bitmap.width, bitmap.height);
    const corner = [(bitmap.width - edge) / 2, (bitmap.height - edge) / 2];
    const context = new OffscreenCanvas(side, side).getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, ...corner, edge, edge, 0, 0, side, side);
    const { data } = context.getImageData(0, 0, side, side);
    const gray = (i) => 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    const value = (i) => (colors === 1 ? gray(4 * i) : data[4 * Math.floor(i / 3) + (i % 3)]);
    return Float32Array.from({ length: side * side * colors }, (_, i) => value(i) / 127.5 - 1);
  }
}

/** Writes into the page what the model is, and its defaults. */
function describe({ name, description, config, sampling, class_names: names, files }) {
  document.title = $("title").textContent = name;
  $("about").textContent = description;
  const classes = config.num_classes;
  const options = Array.from({ length: classes }, (_, k) => [names?.[k] ?? String(k), k]);
  const fill = (id, list) => $(id).replaceChildren(...list.map((entry) => new Option(...entry)));
  fill("class", [["each in turn", "all"], ...options, ["no class", classes]]);
  fill("other", [["nothing", ""], ...options]);
  for (const element of document.querySelectorAll(".classes")) element.hidden = !classes;
  const turns = config.motion === "rotation";
  $("guidance").value = turns ? sampling.guidance_degrees : sampling.guidance_scale;
  $("guidance").max = turns ? 90 : 10;
  $("guidance-unit").textContent = turns ? ", in degrees" : "";
  $("count").value = classes && classes <= 16 ? classes : 8;
  if (!files.encoder) $("steps").max = 1; // later steps encode
  $("steps").value = Math.min(sampling.steps, $("steps").max);
  $("own").hidden = !files.encoder;
}

function connect(page) {
  const doing = (name, ...fields) => () => page.run((check) => page[name](check), ...fields);
  const reseed = () => ($("seed").value = crypto.getRandomValues(new Uint32Array(1))[0]);
  const walk = doing("walk", $("from"), $("to"));
  const reconstruct = () => page.own && doing("reconstruct")();
  const own = async (file, check) => {
    page.own = await page.read(file);
    await page.reconstruct(check);
  };
  const read = ([file]) => file && page.run((check) => own(file, check));
  $("settings").onsubmit = (event) => { event.preventDefault(); doing("generate")(); };
  $("again").onclick = () => { reseed(); doing("generate")(); };
  $("stop").onclick = () => { page.job++; say("Stopped.", 0); $("stop").disabled = true; };
  const inputs = { angle: doing("turn"), way: walk, from: walk, to: walk, strength: reconstruct };
  for (const [id, act] of Object.entries(inputs)) $(id).oninput = act;
  $("file").onchange = () => read($("file").files);
  $("drop").ondragover = (event) => event.preventDefault();
  $("drop").ondrop = (event) => { event.preventDefault(); read(event.dataTransfer.files); };
  for (const output of document.querySelectorAll("output")) {
    const tell = () => (output.value = number(output.htmlFor[0]));
    output.parentNode.addEventListener("input", tell);
    tell();
  }
  const buttons = document.querySelectorAll(".download");
  buttons.forEach((button) => (button.onclick = () => page.download(button.dataset.of)));
  reseed();
}

async function startPage() {
  say("Loading the model", 0);
  const description = await fetch("model.json").then((file) => file.json()).catch(() => null);
  if (!description) throw new Error("The file model.json could not be loaded.");
  const page = description.server
    ? await (await import("./server.js")).openPage(description)
    : new Page(new WorkerModel(description, (text) => say(text, 0)));
  describe(description);
  page.engine = await page.model.open(new URLSearchParams(location.hash.slice(1)).get("runtime"));
  $("engine").textContent = `Runs on ${page.engine}, weights as ${description.weights}.`;
  window.sphere = page;
  $("main").hidden = false;
  connect(page);
  $("generate").click();
}

if (typeof document !== "undefined") startPage().catch(fail);
else if (typeof WorkerGlobalScope !== "undefined") serveWorker();

// The model behind a server: what asks it and follows its answers, and the forms in which
// pictures and flags travel.

import { $, say, STOPPED } from "./sphere.js";

export class ServerModel {
  constructor(description) {
    const { image_size: side, num_channels: colors } = description.config;
    Object.assign(this, { description, imageShape: [side, side, colors] });
  }

  async open() {
    return `${this.description.server.backend} on the server`;
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

export const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt());
export const textOf = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
export const imageOf = (text) => Float32Array.from(bytesOf(text), (byte) => byte / 127.5 - 1);
export const pixelsOf = (image) => textOf(image.map((value) => Math.round((value + 1) * 127.5)));

/** A text in a list between commas. */
export const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function tellProgress({ state, before, done, total }) {
  if (state === "waiting") return say(before ? `Waiting, ${before} before this` : "Waiting", 0);
  if (total) return say(`Part ${done + 1} of ${total}`, done / total);
  say(done ? `Part ${done + 1}` : "Working", 0);
  $("progress").removeAttribute("value"); // how much there will be is not known
}

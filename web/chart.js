// The bitrate of a room in the last five minutes, as a small chart with its scale. The recorder is
// asked for what was before the page was opened; a hole in what is known is a hole in the line.

import { now } from "./clock.js";
import { label, text } from "./dom.js";
import { ask } from "./net.js";
import { rate } from "./words.js";

const SECONDS = 300;
const HOLE_S = 15;
const WIDTH = 300;
const HEIGHT = 60;

export class Chart {
  constructor(element, room) {
    this.element = element;
    this.room = room;
    this.samples = [];
    this.isAsked = false;
  }

  add(bits) {
    const at = now();
    const last = this.samples.at(-1);
    // The page slept, or the line was lost: the recorder knows more.
    if (last && at - last[0] > HOLE_S) this.isAsked = false;
    if (bits !== null) this.samples.push([at, bits]);
    while (this.samples.length && this.samples[0][0] < at - SECONDS) this.samples.shift();
  }

  show() {
    if (!this.isAsked) this.load();
    const at = now();
    // While nothing comes no older ones are dropped, by which it is seen that more is to be asked for.
    const samples = this.samples.filter(([when]) => when >= at - SECONDS);
    const highest = Math.max(0, ...samples.map(([, bits]) => bits));
    const top = scale(highest);
    const pieces = piecesOf(samples, at, top);
    const lines = pieces.map((points) => `M${points.map((point) => point.join(",")).join("L")}`);
    const areas = pieces.map((points, which) => `${lines[which]}L${points.at(-1)[0]},${HEIGHT}L${points[0][0]},${HEIGHT}Z`);
    const find = (selector) => this.element.querySelector(selector);
    find(".line").setAttribute("d", lines.join(""));
    find(".area").setAttribute("d", areas.join(""));
    text(find(".most"), rate(top));
    label(find("svg"), highest ? `Bitrate of the last five minutes, at most ${rate(highest)}` : "Bitrate of the last five minutes: nothing came");
  }

  async load() {
    this.isAsked = true;
    try {
      const found = await ask("GET", `/api/v1/rooms/${encodeURIComponent(this.room)}/history`);
      const at = now();
      const known = found.bitrate.map(([age, bits]) => [at - age, bits]);
      const oldest = known.length ? known[0][0] : at;
      this.samples = this.samples.filter(([when]) => when < oldest).concat(known);
      this.show();
    } catch (error) {
      console.warn(`No history of ${this.room}: ${error.message}`);
    }
  }
}

// Points of the drawing, in pieces between the holes.
function piecesOf(samples, at, top) {
  const pieces = [];
  let before = -Infinity;
  for (const [when, bits] of samples) {
    if (when - before > HOLE_S) pieces.push([]);
    before = when;
    const x = WIDTH - ((at - when) / SECONDS) * WIDTH;
    pieces.at(-1).push([x.toFixed(1), (HEIGHT - (bits / top) * HEIGHT).toFixed(1)]);
  }
  return pieces.filter((points) => points.length > 1);
}

// The least round figure that is not below.
function scale(bits) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(bits, 1000)));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((each) => each >= bits);
}

// The cards of the rooms. Each is made once and changed in place, so that the focus stays where it
// is and a hundred rooms cost little. Text from encoders gets in by textContent only.

import { confirmed } from "./ask.js";
import { ask } from "./net.js";
import { STATES, rate, size, span } from "./words.js";

const list = document.getElementById("rooms");
const template = document.getElementById("room-card");
const MANY = 12;
const CHART_S = 300;

const cards = new Map();

export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

// Rows of a definition list: [term, value, class], in place where the terms are the same.
export function facts(element, rows) {
  while (element.children.length > rows.length * 2) element.lastElementChild.remove();
  rows.forEach(([term, value, kind], at) => {
    if (element.children.length <= at * 2) {
      element.append(document.createElement("dt"), document.createElement("dd"));
    }
    const [name, content] = [element.children[at * 2], element.children[at * 2 + 1]];
    text(name, term);
    text(content, value);
    name.className = content.className = kind || "";
  });
}

class Card {
  constructor(name) {
    this.name = name;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.element.querySelector(selector);
    this.samples = [];
    this.find(".name").href = `#${encodeURIComponent(name)}`;
    this.buttons = {};
    for (const [action, label, question] of [
      ["split", "Split", "A new recording begins at the next keyframe, without a gap."],
      ["stop", "Stop", "The recording ends, and nothing is recorded until somebody starts it again or the encoder comes anew."],
      ["start", "Start", "A new recording begins at the next keyframe."],
    ]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.onclick = () => confirmed({
        title: `${label} ${this.title}?`,
        text: question,
        yes: label,
        act: () => ask("POST", `/api/v1/rooms/${encodeURIComponent(name)}/${action}`),
      });
      this.buttons[action] = button;
      this.find(".actions").append(button);
    }
    this.loadHistory();
  }

  async loadHistory() {
    try {
      const found = await ask("GET", `/api/v1/rooms/${encodeURIComponent(this.name)}/history`);
      const now = performance.now() / 1000;
      const older = found.bitrate.map(([age, bits]) => [now - age, bits]);
      const first = this.samples.length ? this.samples[0][0] : Infinity;
      this.samples = older.filter(([at]) => at < first).concat(this.samples);
    } catch (error) {
      console.warn(`No history of ${this.name}: ${error.message}`);
    }
  }

  show(room, elapsed, isOperator) {
    this.title = room.title || room.name;
    const state = STATES[room.state] || { word: room.state, path: STATES.idle.path };
    this.element.className = `card ${room.state}`;
    text(this.find(".name"), this.title);
    const publisher = room.publisher;
    text(this.find(".software"), publisher ? publisher.software : "");
    this.find(".state path").setAttribute("d", state.path);
    text(this.find(".word"), state.word);
    text(this.find(".since"), `for ${span(room.state_age_s + elapsed)}`);
    this.find(".reason").hidden = !room.reason;
    text(this.find(".reason"), room.reason || "");
    facts(this.find(".facts"), this.rows(room, elapsed));
    this.chart();
    this.find(".actions").hidden = !isOperator || (room.state === "idle");
    this.buttons.split.hidden = !["recording", "stalled", "fault"].includes(room.state);
    this.buttons.stop.hidden = ["idle", "stopped"].includes(room.state);
    this.buttons.start.hidden = room.state !== "stopped";
  }

  rows(room, elapsed) {
    const rows = [];
    const { video, audio, recording } = room;
    if (room.waits_s !== null) rows.push(["waits another", span(room.waits_s - elapsed)]);
    if (video) {
      const picture = video.width ? `${video.width} × ${video.height}` : video.codec;
      const frames = video.frame_rate === null ? "" : `, ${video.frame_rate.toFixed(1)} /s`;
      rows.push(["picture", picture + frames]);
    }
    if (audio) {
      const tone = audio.sample_rate ? `${audio.sample_rate / 1000} kHz` : audio.codec;
      rows.push(["sound", audio.channels ? `${tone}, ${audio.channels} ch` : tone, "more"]);
    }
    if (room.publisher) {
      rows.push(["bitrate", rate(room.bitrate)]);
      if (room.quality !== null) rows.push(["connection", `${Math.round(room.quality * 100)} %`]);
      if (room.media_age_s !== null) rows.push(["last media", `${span(room.media_age_s + elapsed)} ago`]);
      rows.push(["from", room.publisher.address, "more"]);
    }
    if (recording) {
      rows.push(["recording", `${recording.number}, ${span(recording.media_s)}`]);
      rows.push(["file", recording.file || "between two", "more"]);
      const age = recording.safe_age_s === null ? "" : `, the rest ${span(recording.safe_age_s + elapsed)} old`;
      rows.push(["safe on disk", `${size(recording.safe_bytes)} of ${size(recording.bytes)}${age}`]);
      if (recording.gaps) rows.push(["gaps", String(recording.gaps)]);
      if (recording.lost_ms) rows.push(["lost", span(recording.lost_ms / 1000)]);
    }
    if (room.buffer_bytes > room.buffer_limit_bytes / 20) {
      rows.push(["waits in memory", `${size(room.buffer_bytes)} of ${size(room.buffer_limit_bytes)}`]);
    }
    return rows;
  }

  sample(room) {
    const now = performance.now() / 1000;
    if (room.bitrate !== null) this.samples.push([now, room.bitrate]);
    while (this.samples.length && this.samples[0][0] < now - CHART_S) this.samples.shift();
  }

  chart() {
    const now = performance.now() / 1000;
    const top = Math.max(1, ...this.samples.map(([, bits]) => bits)) * 1.1;
    const points = this.samples.map(([at, bits]) => {
      const x = 300 - ((now - at) / CHART_S) * 300;
      return `${x.toFixed(1)},${(40 - (bits / top) * 38).toFixed(1)}`;
    });
    const chart = this.find(".chart");
    chart.setAttribute("aria-label", "Bitrate of the last five minutes");
    const line = points.length > 1 ? `M${points.join("L")}` : "";
    const begin = points.length > 1 ? points[0].split(",")[0] : "0";
    const end = points.length > 1 ? points[points.length - 1].split(",")[0] : "0";
    chart.querySelector(".line").setAttribute("d", line);
    chart.querySelector(".area").setAttribute("d", line ? `${line}L${end},40L${begin},40Z` : "");
  }
}

// What is wrong stands first: on a wall with a hundred rooms nobody scrolls to find it.
const FIRST = { fault: 0, stalled: 1, stopped: 2 };

function order(room) {
  return FIRST[room.state] === undefined ? 9 : FIRST[room.state];
}

export function sampleRooms(rooms) {
  for (const room of rooms) cards.get(room.name)?.sample(room);
}

export function showRooms(rooms, { elapsed, isOperator, only }) {
  const shown = only === null ? [...rooms].sort((a, b) => order(a) - order(b)) : rooms.filter((room) => room.name === only);
  const names = new Set(shown.map((room) => room.name));
  for (const [name, card] of cards) {
    if (!names.has(name)) {
      card.element.remove();
      cards.delete(name);
    }
  }
  shown.forEach((room, at) => {
    let card = cards.get(room.name);
    if (!card) {
      card = new Card(room.name);
      cards.set(room.name, card);
    }
    card.show(room, elapsed, isOperator);
    if (list.children[at] !== card.element && !card.element.contains(document.activeElement)) {
      list.insertBefore(card.element, list.children[at] || null);
    } else if (!card.element.isConnected) {
      list.append(card.element);
    }
  });
  document.getElementById("no-rooms").hidden = shown.length > 0;
  document.body.classList.toggle("many", only === null && rooms.length > MANY);
}

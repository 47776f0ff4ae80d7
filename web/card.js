// One room: a card, a tile where there are many rooms, or the whole page on a tablet beside a door.
// Made once and changed in place, so that the focus stays and a hundred rooms cost little.

import { confirmed } from "./ask.js";
import { Chart } from "./chart.js";
import { button, byId, draw, facts, icon, label, make, refocus, text } from "./dom.js";
import { sentence } from "./names.js";
import { ask } from "./net.js";
import { SEVERITIES, STATES, aged, ago, at, brief, many, rate, since, size, span } from "./words.js";

const ACTIONS = {
  split: ["Split", "A new recording begins at the next keyframe, without a gap."],
  stop: ["Stop", "The recording ends, and nothing is recorded until somebody starts it again or the encoder comes anew."],
  start: ["Start", "A new recording begins at the next keyframe."],
};
// From then on the recorder calls a track missing.
const MISSING_S = 3;
const OFFERED = {
  starting: ["stop"],
  recording: ["split", "stop"],
  waiting: ["stop"],
  stalled: ["split", "stop"],
  stopped: ["start"],
  fault: ["split", "stop"],
};

export class Card {
  constructor(name) {
    this.name = name;
    this.element = byId("room-card").content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.element.querySelector(selector);
    this.link = this.find(".name");
    this.link.href = `#${encodeURIComponent(name)}`;
    // Whoever goes from link to link hears how the room is, and not only what it is called.
    this.find(".word").id = `state-${name}`;
    this.link.setAttribute("aria-describedby", `state-${name}`);
    this.chart = new Chart(this.find(".chart"), name);
    this.buttons = {};
    for (const [action, [word, consequence]] of Object.entries(ACTIONS)) {
      this.buttons[action] = button(word, () => confirmed({
        title: `${word} ${this.title}?`,
        text: consequence,
        yes: word,
        act: () => ask("POST", `/api/v1/rooms/${encodeURIComponent(name)}/${action}`),
        back: () => this.handle(),
      }));
    }
    this.find(".actions").append(...Object.values(this.buttons));
  }

  // What takes the focus when the button that had it is gone.
  handle() {
    return Object.values(this.buttons).find((each) => !each.hidden && !each.closest("[hidden]")) || this.link;
  }

  // alarms: those of this room. elapsed: seconds since the recorder said this. isTile: only what can
  // be read from afar; isAlone: all there is.
  show(room, { alarms, elapsed, isOperator, isTile, isAlone }) {
    const state = STATES[room.state] || { word: room.state, path: STATES.idle.path };
    this.title = room.title || room.name;
    this.element.className = `card ${room.state}${isTile ? " tile" : ""}`;
    text(this.link, this.title);
    // A tile may have no room for all of it.
    this.link.title = isTile ? this.title : "";
    draw(this.find(".state svg"), state.path);
    text(this.find(".word"), state.word);
    const lasting = room.state_age_s + elapsed;
    text(this.find(".since"), isTile ? brief(lasting) : `since ${since(room.since)}, for ${span(lasting)}`);
    this.showAlarms(room, alarms, isTile);
    for (const part of [".live", ".all", ".reason"]) this.find(part).hidden = true;
    this.find(".actions").hidden = true;
    if (!isTile) this.showFigures(room, elapsed, isOperator, isAlone);
  }

  showAlarms(room, alarms, isTile) {
    const mark = this.find(".mark");
    mark.hidden = alarms.length === 0;
    if (alarms.length) {
      const severity = alarms[0].severity;
      mark.className = `mark ${severity}`;
      draw(mark.querySelector("svg"), (SEVERITIES[severity] || SEVERITIES.warning).path);
      const words = many(alarms.length, "alarm", "alarms");
      text(mark.querySelector("span"), words);
    }
    const list = this.find(".troubles");
    // That a room is not recorded is said by its state already, with the reason.
    const told = isTile ? [] : alarms.filter((alarm) => alarm.kind !== "not_recorded");
    list.hidden = told.length === 0;
    while (list.children.length > told.length) list.lastElementChild.remove();
    told.forEach((alarm, at) => {
      if (list.children.length <= at) {
        const item = make("li");
        item.append(icon(""), make("span"));
        list.append(item);
      }
      const item = list.children[at];
      item.className = alarm.severity;
      draw(item.children[0], (SEVERITIES[alarm.severity] || SEVERITIES.warning).path);
      sentence(item.children[1], alarm.text);
    });
  }

  showFigures(room, elapsed, isOperator, isAlone) {
    const reason = this.find(".reason");
    const why = [room.reason, lostSoFar(room)].filter(Boolean).join(" ");
    reason.hidden = !why;
    sentence(reason, why);
    this.find(".live").hidden = room.publisher === null && room.recording === null;
    facts(this.find(".figures"), figures(room, elapsed));
    this.find(".chart").hidden = room.publisher === null;
    if (room.publisher !== null) this.chart.show();
    facts(this.find(".facts"), rows(room, elapsed));
    this.find(".all").hidden = !isAlone || this.find(".live").hidden;
    if (isAlone) facts(this.find(".more"), details(room, elapsed));
    this.offer(isOperator ? offered(room) : []);
  }

  offer(actions) {
    const used = document.activeElement;
    this.find(".actions").hidden = actions.length === 0;
    for (const [action, element] of Object.entries(this.buttons)) {
      element.hidden = !actions.includes(action);
      label(element, `${ACTIONS[action][0]} ${this.title}`);
    }
    if (this.find(".actions").contains(used)) refocus(used, this.handle());
  }
}

// Without an encoder nothing can be split, and only a recording that waits for one can be stopped.
function offered(room) {
  const actions = OFFERED[room.state] || [];
  if (room.publisher !== null) return actions;
  return actions.filter((action) => action === "stop" && room.waits_s !== null);
}

// While the disk takes nothing: the number grows as long as that lasts.
function lostSoFar(room) {
  return room.lost_bytes ? `${span(room.lost_ms / 1000)} (${size(room.lost_bytes)}) are lost so far.` : "";
}

// The three that are read from afar.
function figures(room, elapsed) {
  const { video } = room;
  const measured = at(room.figures_age_s, elapsed);
  const found = [];
  if (video) found.push(["picture", video.width ? `${video.width}×${video.height}` : video.codec]);
  if (video) found.push(["frames", video.frame_rate === null ? "…" : aged(`${video.frame_rate.toFixed(1)} /s`, measured)]);
  if (room.publisher) found.push(["bitrate", aged(rate(room.bitrate), measured)]);
  return found;
}

function rows(room, elapsed) {
  const found = [];
  const { recording } = room;
  if (room.waits_s !== null) found.push(["waits another", span(room.waits_s - elapsed)]);
  if (room.publisher && room.quality !== null) found.push(connection(room, elapsed));
  if (room.publisher && room.line?.reason) found.push(["because", room.line.reason]);
  if (room.media_age_s !== null) found.push(["last media", ago(room.media_age_s + elapsed)]);
  if (recording) {
    const rest = recording.bytes - recording.safe_bytes;
    const isSafe = recording.safe_age_s === null;
    found.push(["safe on disk", isSafe ? `${size(recording.safe_bytes)}, all that is written` : size(recording.safe_bytes)]);
    if (!isSafe) found.push(["not yet safe", `${size(rest)}, ${span(recording.safe_age_s + elapsed)} old`]);
    found.push(["file", recording.file || "between two"]);
    found.push(["recording", `${recording.number}, ${span(recording.media_s)} long`]);
    if (recording.gaps) found.push(["gaps", String(recording.gaps)]);
    if (recording.lost_ms) found.push(["lost, as the disk took nothing", `${span(recording.lost_ms / 1000)}, ${size(recording.anomalies.lost_bytes)}`, "warning"]);
  }
  if (room.buffer_bytes > room.buffer_limit_bytes / 20) {
    found.push(["waits in memory", `${size(room.buffer_bytes)} of ${size(room.buffer_limit_bytes)}`]);
  }
  if (room.publisher) found.push(["encoder", room.publisher.software || room.publisher.address]);
  return found;
}

// The word first: a percentage alone says nothing to who is no technician.
function connection({ quality, line: figures, line_age_s: age }, elapsed) {
  const percent = `${Math.round(quality * 100)} %`;
  const word = figures?.word ?? null;
  const text = aged(word === null ? percent : `${word}, ${percent}`, at(age, elapsed));
  return ["connection", text, word === null || word === "good" ? "" : "warning"];
}

const CODECS = { avc1: "H.264", hvc1: "HEVC", av01: "AV1", vp08: "VP8", vp09: "VP9", vvc1: "VVC", mp4a: "AAC", fLaC: "FLAC", "ac-3": "AC-3", "ec-3": "E-AC-3", ".mp3": "MP3" };
const codec = (name) => CODECS[name] || name;
const seen = (seconds, elapsed) => (seconds === null ? "not seen" : ago(seconds + elapsed));

// Of a track that was announced and is silent from the beginning there was no last one.
function frames(seconds, elapsed) {
  const lasting = at(seconds, elapsed);
  return lasting !== null && lasting >= MISSING_S ? `nothing for ${span(lasting)}` : `last frame ${seen(seconds, elapsed)}`;
}

// For who stands before the tablet and wants to know why.
function details(room, elapsed) {
  const found = [];
  const { video, audio, publisher, recording } = room;
  if (publisher) found.push(["from", `${publisher.address}, for ${span(publisher.age_s + elapsed)}`]);
  if (video) {
    found.push(["video", `${codec(video.codec)}, ${frames(video.frame_age_s, elapsed)}`]);
    found.push(["last keyframe", seen(video.keyframe_age_s, elapsed)]);
  }
  if (audio) {
    const tone = [codec(audio.codec)];
    if (audio.sample_rate) tone.push(`${audio.sample_rate / 1000} kHz`);
    if (audio.channels) tone.push(many(audio.channels, "channel", "channels"));
    found.push(["sound", `${tone.join(", ")}, ${frames(audio.frame_age_s, elapsed)}`]);
  }
  if (video && video.keyframe_distance_s !== null) found.push(["keyframe every", `${video.keyframe_distance_s.toFixed(1)} s`]);
  if (room.av_offset_ms !== null) found.push(["sound runs", offset(room.av_offset_ms)]);
  if (room.line) found.push(...line(room.line));
  if (room.viewers) found.push(["watched by", many(room.viewers, "player", "players")]);
  if (room.drift_s !== null) found.push(["its time runs", drift(room.drift_s)]);
  if (room.write_age_s !== null) found.push(["last written", ago(room.write_age_s + elapsed)]);
  found.push(["in memory", `${size(room.buffer_bytes)} of ${size(room.buffer_limit_bytes)}`]);
  if (recording) {
    found.push(["folder", recording.path]);
    found.push(["begun", `${ago(recording.age_s + elapsed)}, ${many(recording.segments, "file", "files")}`]);
    const mended = Object.entries(recording.anomalies).filter(([name, count]) => count && !name.startsWith("lost_"));
    if (mended.length) found.push(["noticed", mended.map(([name, count]) => `${name.replaceAll("_", " ")} ${count}`).join(", ")]);
  }
  return found;
}

// Of the last ten seconds.
function line(figures) {
  const found = [];
  if (figures.media_rate !== null) found.push(["comes", `${Math.round(figures.media_rate * 100)} % of the time`]);
  found.push(["late by", `${Math.round(figures.late_ms)} ms, wavers by ${Math.round(figures.jitter_ms)} ms`]);
  if (figures.rtt_ms !== null) found.push(["round trip", `${Math.round(figures.rtt_ms)} ms ± ${Math.round(figures.rtt_variation_ms ?? 0)} ms`]);
  if (figures.loss !== null) found.push(["lost on the way", `about ${(figures.loss * 100).toFixed(2)} % of its packets`]);
  return found;
}

function offset(ms) {
  return Math.abs(ms) < 50 ? "with the picture" : `${Math.round(Math.abs(ms))} ms ${ms > 0 ? "behind" : "before"} the picture`;
}

function drift(seconds) {
  if (Math.abs(seconds) < 0.5) return "as the clock";
  return `${Math.abs(seconds).toFixed(1)} s ${seconds > 0 ? "ahead" : "behind"}`;
}

// The page: what the recorder says, once a second, and how old that is. The page never looks fresh
// when it is not: three missed ticks turn everything grey, whatever the connection says.

import { closeArchive, offerRooms, openArchive } from "./archive.js";
import { confirmed } from "./ask.js";
import { ask, watch } from "./net.js";
import { facts, sampleRooms, showRooms, text } from "./rooms.js";
import { left, moment, size, span } from "./words.js";

const STALE_S = 3;
const byId = (id) => document.getElementById(id);

let snapshot = null;
let arrived = 0;
let level = "nobody";
let hasPassword = false;
let isWatching = false;

const now = () => performance.now() / 1000;

// What is shown now.

function show() {
  const elapsed = snapshot === null ? Infinity : now() - arrived;
  const isStale = elapsed > STALE_S;
  document.body.classList.toggle("stale", isStale);
  text(byId("link"), linkWords(elapsed, isStale));
  const only = location.hash.length > 1 ? decodeURIComponent(location.hash.slice(1)) : null;
  const isRoom = only !== null && snapshot !== null && snapshot.rooms.some((room) => room.name === only);
  document.body.classList.toggle("single", isRoom);
  showBanner(elapsed, isStale);
  showTitle(isStale);
  if (snapshot === null) return;
  showRooms(snapshot.rooms, { elapsed, isOperator: level === "operator", only: isRoom ? only : null });
  showAlarms(elapsed);
  showDisk(elapsed);
  showSystem();
}

function linkWords(elapsed, isStale) {
  if (snapshot === null) return level === "nobody" && hasPassword ? "log in to look" : "connecting …";
  return isStale ? `no news for ${span(elapsed)}` : "live";
}

function showBanner(elapsed, isStale) {
  const banner = byId("banner");
  const worst = snapshot === null ? null : snapshot.alarms[0];
  let kind = "good";
  let lines = [];
  if (snapshot === null) {
    kind = "grey";
    lines = [hasPassword && level === "nobody" ? "Log in to see the rooms." : "Waiting for news …"];
  } else if (isStale) {
    kind = "grey";
    // Not the seconds: a screen reader would say this again each time it changes.
    lines = ["No news from the recorder: what you see is old.", "It may go on recording. Check its power and the network."];
  } else if (worst) {
    kind = worst.severity;
    lines = [worst.text, worst.advice];
  } else {
    const busy = snapshot.rooms.filter((room) => room.state === "recording").length;
    lines = [busy ? `All is well. ${busy} ${busy === 1 ? "room is" : "rooms are"} being recorded.` : "All is well. Nothing is being recorded."];
  }
  banner.className = `banner ${kind}`;
  if ([...banner.children].map((line) => line.textContent).join("\n") === lines.join("\n")) return;
  banner.replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
}

function showTitle(isStale) {
  const rooms = snapshot === null ? [] : snapshot.rooms;
  const busy = rooms.filter((room) => room.state === "recording").length;
  const severity = snapshot !== null && snapshot.alarms.length ? snapshot.alarms[0].severity : null;
  const title = isStale ? "? Recorder" : `${severity === "critical" ? "▲ " : ""}${busy ? `● ${busy} REC – ` : ""}Recorder`;
  if (document.title !== title) document.title = title;
  const colour = isStale ? "#8a94a0" : severity === "critical" ? "#e5484d" : severity === "warning" ? "#f0a020" : busy ? "#30a46c" : "#8a94a0";
  const icon = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#20262e"/><circle cx="16" cy="16" r="8" fill="${colour}"/></svg>`)}`;
  if (byId("icon").href !== icon) byId("icon").href = icon;
}

const alarmLines = new Map();

function showAlarms(elapsed) {
  const list = byId("alarms");
  const standing = new Set(snapshot.alarms.map((alarm) => alarm.id));
  for (const [id, item] of alarmLines) {
    if (!standing.has(id)) {
      item.remove();
      alarmLines.delete(id);
    }
  }
  for (const alarm of snapshot.alarms) {
    if (!alarmLines.has(alarm.id)) alarmLines.set(alarm.id, alarmLine(alarm));
    const item = alarmLines.get(alarm.id);
    const [badge, words, button] = item.children;
    badge.className = `badge ${alarm.severity}`;
    text(badge, alarm.severity);
    text(words.children[0], alarm.text);
    text(words.children[1], alarm.advice);
    const seen = alarm.acknowledged_by === null ? "" : `, seen by ${alarm.acknowledged_by}`;
    text(words.children[2], `since ${moment(alarm.since)}, for ${span(alarm.age_s + elapsed)}${seen}`);
    button.hidden = level !== "operator" || alarm.acknowledged_by !== null;
    if (!item.isConnected) list.append(item);
  }
  byId("no-alarms").hidden = snapshot.alarms.length > 0;
}

function alarmLine(alarm) {
  const item = document.createElement("li");
  const words = Object.assign(document.createElement("span"), { className: "text" });
  words.append(document.createElement("b"), document.createElement("p"), Object.assign(document.createElement("p"), { className: "note" }));
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Seen" });
  button.setAttribute("aria-label", `Seen: ${alarm.text}`);
  button.onclick = async () => {
    try {
      await ask("POST", `/api/v1/alarms/${encodeURIComponent(alarm.id)}/acknowledge`);
    } catch (error) {
      text(words.children[2], error.message);
    }
  };
  item.append(document.createElement("span"), words, button);
  return item;
}

const DISKS = { good: "good", stalled: "does not answer", failed: "takes no writes", held: "nearly full: nothing is written" };

function showDisk(elapsed) {
  const { storage } = snapshot;
  const age = (seconds) => (seconds === null ? "" : ` (${span(seconds + elapsed)} ago)`);
  const rows = [
    ["state", DISKS[storage.state] || storage.state],
    ["room for", left(storage.time_left_s)],
    ["free", `${size(storage.free_bytes)} of ${size(storage.total_bytes)}${age(storage.free_age_s)}`],
    ["kept by people", size(storage.kept_bytes)],
    ["slowest write", storage.write_ms === null ? "none in the last minute" : `${storage.write_ms} ms, last minute`],
    ["last tried", storage.probe_age_s === null ? "never" : `${span(storage.probe_age_s + elapsed)} ago`],
    ["written", `${size(storage.written_bytes)} since the start`],
  ];
  if (storage.next_sweep) {
    const { recordings, bytes, age_s: swept } = storage.next_sweep;
    rows.push(["due to be deleted", recordings ? `${recordings}, ${size(bytes)}${age(swept)}` : `none${age(swept)}`]);
  }
  rows.push(["folder", storage.directory]);
  facts(byId("disk"), rows);
  const figures = byId("figures");
  const parts = [["rooms", String(snapshot.rooms.length)], ["room for", left(storage.time_left_s)], ["free", size(storage.free_bytes)]];
  while (figures.children.length < parts.length) {
    const part = document.createElement("span");
    part.append(document.createElement("span"), document.createElement("b"));
    figures.append(part);
  }
  parts.forEach(([name, value], at) => {
    text(figures.children[at].children[0], `${name} `);
    text(figures.children[at].children[1], value);
  });
}

function showSystem() {
  const { system } = snapshot;
  const parts = [`recorder ${system.version}`, `running for ${span(system.uptime_s)}`];
  if (system.memory_bytes !== null) parts.push(`memory ${size(system.memory_bytes)}`);
  if (system.load !== null) parts.push(`load ${system.load.toFixed(1)}`);
  if (system.temperature_c !== null) parts.push(`${Math.round(system.temperature_c)} °C`);
  parts.push(system.clock.is_trusted ? "clock trusted" : "clock not trusted", `${system.viewers} watching`);
  text(byId("system"), parts.join(" · "));
}

// Who looks.

async function session() {
  try {
    const found = await ask("GET", "/api/v1/session");
    level = found.level;
    hasPassword = found.has_password;
  } catch (error) {
    console.warn(`Who asks is not known: ${error.message}`);
  }
  const button = byId("session");
  button.hidden = !hasPassword;
  text(button, level === "operator" ? "Log out" : "Log in");
  if (level === "operator") openArchive();
  else closeArchive();
  if (level !== "nobody" && !isWatching) {
    isWatching = true;
    watch(onSnapshot, session);
  }
  show();
}

function onSnapshot(found) {
  snapshot = found;
  arrived = now();
  show();
  sampleRooms(found.rooms);
  offerRooms(found.rooms.map((room) => room.name));
}

byId("session").onclick = async () => {
  if (level === "operator") {
    await ask("POST", "/api/v1/logout");
    location.reload();
    return;
  }
  confirmed({
    title: "Log in",
    text: "The operators' password:",
    yes: "Log in",
    label: "Password",
    secret: true,
    act: async (password) => {
      await ask("POST", "/api/v1/login", { password });
      await session();
    },
  });
};

addEventListener("hashchange", show);
setInterval(show, 1000);
session();

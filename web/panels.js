// The disk and the machine: how long it lasts, and what an operator tells who is asked for help.

import { byId, draw, facts, icon, label, make, text } from "./dom.js";
import { STATES, aged, ago, at, left, many, moment, size, span } from "./words.js";

const DISKS = { good: "good", stalled: "does not answer", failed: "takes no writes", held: "nearly full: nothing is written" };

const OF_THE_DISK = new Set(["disk_failed", "disk_stalled", "disk_held", "foreign_data", "time_left"]);

// How bad the worst alarm of the disk is; "" without one.
const toneOf = (alarms) => alarms.find((alarm) => OF_THE_DISK.has(alarm.kind))?.severity ?? "";

// Of a new disk nobody knows how fast it fills.
function asOf(left_s, counted) {
  if (counted === null) return "";
  return left_s === null ? ", as nothing was recorded yet" : `, as of ${ago(counted)}`;
}

export function showDisk({ storage, alarms }, elapsed) {
  const age = (seconds) => (seconds === null ? "" : `, ${ago(seconds + elapsed)}`);
  const counted = at(storage.counted_age_s, elapsed);
  text(byId("left"), left(storage.time_left_s));
  text(byId("left-age"), asOf(storage.time_left_s, counted));
  const { total_bytes: total, free_bytes: free } = storage;
  const isKnown = total !== null && free !== null && total > 0;
  const full = isKnown ? Math.round((1 - free / total) * 100) : 0;
  byId("full").hidden = !isKnown;
  byId("full").className = `bar ${toneOf(alarms) || "info"}`;
  byId("full").firstElementChild.style.width = `${full}%`;
  label(byId("full"), `${full} % of the disk is full`);
  const rows = [
    ["state", DISKS[storage.state] || storage.state, storage.state === "good" ? "" : toneOf(alarms)],
    ["free", `${size(free)} of ${size(total)}${age(storage.free_age_s)}`],
    ["slowest write", storage.write_ms === null ? "none in the last minute" : `${storage.write_ms} ms in the last minute`],
    ["last tried", storage.probe_age_s === null ? "never" : ago(storage.probe_age_s + elapsed)],
    ["written", `${size(storage.written_bytes)} since the start`],
    ["kept by people", aged(size(storage.kept_bytes), counted)],
  ];
  if (storage.reason) rows.splice(1, 0, ["why", storage.reason]);
  if (storage.foreign_bytes) rows.push(["not recordings", aged(size(storage.foreign_bytes), counted)]);
  const sweep = storage.next_sweep;
  if (sweep) rows.push(["due to be deleted", `${sweep.recordings ? `${many(sweep.recordings, "recording", "recordings")}, ${size(sweep.bytes)}` : "none"}, as of ${ago(sweep.age_s + elapsed)}`]);
  if (storage.blocked) rows.push(["waits for a yes", `${many(storage.blocked.recordings, "recording", "recordings")}, ${size(storage.blocked.bytes)}`]);
  rows.push(["folder", storage.directory]);
  facts(byId("disk"), rows);
}

const ENDS = { clean: "stopped in order", crash: "ended unexpectedly", power: "lost its power" };

export function showMachine({ system, time }, elapsed) {
  const { clock } = system;
  const rows = [
    ["recorder", `${system.version}, for ${span(system.uptime_s + elapsed)}`],
    ["clock", clock.is_trusted ? "trusted" : `not trusted${clock.reason ? `: ${clock.reason}` : ""}`],
    clockTime(time, elapsed),
    ["media in memory", `${size(system.media_bytes)} of ${size(system.media_limit_bytes)}`],
  ];
  if (clock.stepped_ms !== null) rows.push(["clock was set", `by ${(clock.stepped_ms / 1000).toFixed(1)} s, ${ago((clock.step_age_s || 0) + elapsed)}`]);
  if (system.memory_bytes !== null) rows.push(["memory", size(system.memory_bytes)]);
  if (system.load !== null) rows.push(["load", system.load.toFixed(1)]);
  if (system.temperature_c !== null) rows.push(["temperature", `${Math.round(system.temperature_c)} °C`]);
  if (system.under_voltage_now !== null) rows.push(["power", power(system)]);
  if (system.machine_age_s !== null) rows.push(["looked at", ago(system.machine_age_s + elapsed)]);
  for (const { directory, written_bytes: taken, period_s: period, age_s: age } of system.wear) {
    rows.push([`disk of ${directory}`, aged(`took ${size(taken)} in ${span(period)}, all writes`, age + elapsed)]);
  }
  if (system.last_end !== null) rows.push(["the one before", ENDS[system.last_end] || system.last_end]);
  if (system.failed_logins) rows.push(["failed logins", `${system.failed_logins} in 20 s`]);
  if (system.failed_publishes) rows.push(["wrong keys", `${system.failed_publishes} in 20 s`]);
  for (const { address, times, age_s: last } of system.refused) rows.push(["refused", `${address}, ${many(times, "time", "times")}, last ${ago(last + elapsed)}`]);
  rows.push(...configuration(system.config), ...hooks(system.hooks, elapsed), ["watching", String(system.viewers)]);
  facts(byId("machine"), rows);
}

// Which of the two clocks is wrong nobody here can know: days to search for are this one's, and those
// of recordings the recorder's.
const APART_MS = 60_000;

function clockTime(time, elapsed) {
  const its = Date.parse(time) + elapsed * 1000;
  const ahead = its - Date.now();
  if (Math.abs(ahead) < APART_MS) return ["its time", moment(its)];
  const by = `${span(Math.abs(ahead) / 1000)} ${ahead > 0 ? "ahead of" : "behind"} this device's`;
  return ["its time", `${moment(its)}, ${by}`, "warning"];
}

function power(system) {
  if (system.under_voltage_now) return "too weak now";
  return system.under_voltage_ever ? "was too weak" : "good";
}

const WORST_FIRST = ["fault", "stalled", "stopped", "waiting", "starting", "recording", "idle"];

function configuration({ path, errors, is_last_good: isLastGood, restart }) {
  const rows = path === null ? [] : [["configuration", path]];
  if (isLastGood) rows.push(["in force", "the last good one"]);
  else if (errors.length) rows.push(["in force", "the one before"]);
  if (restart.length) rows.push(["needs a restart", restart.join(", ")]);
  return rows;
}

function hooks(found, elapsed) {
  if (found === null) return [];
  const said = found.is_delivering ? `${found.delivered} delivered` : "nobody delivers them";
  const rows = [["hooks", aged(said, at(found.age_s, elapsed))]];
  if (found.failing.length) rows.push(["do not answer", found.failing.join(", ")]);
  if (found.given_up) rows.push(["given up", String(found.given_up)]);
  if (found.lost) rows.push(["lost", String(found.lost)]);
  return rows;
}

// How many rooms are in which state, for who looks from the door.
export function showCounts({ rooms, storage, alarms }) {
  const list = byId("counts");
  const found = WORST_FIRST
    .map((state) => ({ state, ...STATES[state], count: rooms.filter((room) => room.state === state).length }))
    .filter(({ count }) => count);
  while (list.children.length > found.length + 1) list.firstElementChild.remove();
  while (list.children.length < found.length + 1) list.prepend(chip());
  found.forEach(({ state, word, path, count }, at) => {
    const item = list.children[at];
    item.className = state;
    draw(item.children[0], path);
    text(item.children[1], String(count));
    text(item.children[2], word);
  });
  const last = list.lastElementChild;
  last.className = `disk ${toneOf(alarms)}`;
  draw(last.children[0], "M4 3h16v18H4zm2 2v9h12V5zm0 11v3h12v-3zm8 1h2.5v1H14z");
  text(last.children[1], left(storage.time_left_s));
  text(last.children[2], "of disk left");
}

function chip() {
  const item = make("li");
  item.append(icon(""), make("b"), make("span"));
  return item;
}

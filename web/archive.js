// The recordings: found by room and day, kept, deleted, fetched. A list of a moment, and it says of
// which: it is asked for by a person, and not again each second.

import { confirmed } from "./ask.js";
import { button, byId, isBusy, label, make, refocus, setBusy, text } from "./dom.js";
import { sentence } from "./names.js";
import { ask } from "./net.js";
import { many, moment, size, span } from "./words.js";

const DAY_MS = 86_400_000;

const list = byId("recordings");
const more = byId("more");
const room = byId("search-room");

let cursor = null;
// By what those were searched that are shown, for which `cursor` counts: the fields may say something
// else by now, for a search that nobody has begun.
let shown = null;
// Of the newest request: what an older one finds is asked for no more.
let turn = 0;
let titles = new Map();
// Rooms of the list that are in no configuration any more: their recordings are searched for, too.
const former = new Set();
let numbers = null;
let isOpen = false;

const nameOf = (name) => titles.get(name) || name;

function say(words, kind = "note") {
  byId("archive-note").className = kind;
  sentence(byId("archive-note"), words);
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    say(error.message, "error");
    byId("archive-note").focus();
  }
}

// A pointer is shown why, and a screen reader reads it, which passes over titles.
function badge(kind, word, why) {
  const made = make("span", `badge ${kind}`, word);
  if (!why) return made;
  made.title = why;
  made.append(make("span", "hidden", `: ${why}`));
  return made;
}

// As `recorder list` has them. Of one that is damaged nobody knows any.
function* marks({ repaired, suspect, clock, segments }) {
  const deleted = segments.filter((segment) => segment.deleted).length;
  const files = (count) => many(count, "file", "files");
  if (repaired) yield badge("info", `${files(repaired)} repaired`, "cut off while it was written, and made whole; its last seconds may be missing");
  if (suspect) yield badge("warning", `${files(suspect)} suspect`, "the disk failed while it was written; what is in it may not be what was sent");
  if (deleted) yield badge("info", `${files(deleted)} deleted`, "by the rules for what is kept; the length counts it still");
  if (clock === "untrusted") yield badge("warning", "clock untrusted", "the clock was not known to be right when it began; its day and time may be wrong");
}

function line(recording) {
  const item = make("li", "row");
  const what = make("p", "what");
  const name = make("b", "", nameOf(recording.room));
  name.dir = "auto";
  name.dataset.room = recording.room;
  what.append(name, make("span", "note", ` no. ${recording.number}`));
  if (recording.damaged) what.append(badge("critical", "damaged"));
  if (recording.deleting) what.append(badge("warning", "being deleted"));
  if (!recording.end && !recording.damaged) what.append(badge("info", "not over"));
  if (recording.gaps) what.append(badge("warning", many(recording.gaps, "gap", "gaps")));
  if (!recording.damaged) what.append(...marks(recording));
  if (recording.kept) what.append(badge("good", "kept"));
  const when = make("p", "note when");
  when.append(...[moment(recording.start), ...lengths(recording)].map((part) => make("span", "", part)));
  const actions = make("p", "buttons");
  actions.append(keeper(recording, item));
  // One that is damaged has no end, and may be deleted; what is still in use the recorder refuses.
  if (recording.end || recording.damaged) actions.append(remover(recording, item));
  const there = recording.segments.filter((segment) => !segment.deleted);
  item.append(what, when, actions);
  if (there.length) item.append(files(recording, there));
  return item;
}

// The list knows closed files alone; of a lesson that goes on the card says all of it.
function lengths(recording) {
  if (recording.damaged) return ["how long it is nobody can tell; its files are in its folder"];
  if (!recording.end && !recording.segments.length) return ["its first file is being written"];
  return [span(recording.media_s), size(recording.bytes), ...(recording.end ? [] : ["so far, in closed files"])];
}

const path = (recording) => `/api/v1/recordings/${recording.number}`;

function keeper(recording, item) {
  const word = recording.kept ? "Let go" : "Keep";
  const made = button(word, () => attempt(async () => {
    await ask("POST", `${path(recording)}/${recording.kept ? "unkeep" : "keep"}`, {});
    const next = line({ ...recording, kept: !recording.kept });
    const isUsed = item.contains(document.activeElement);
    item.replaceWith(next);
    if (isUsed) next.querySelector("button").focus();
  }));
  label(made, `${word} recording ${recording.number}`);
  return made;
}

function remover(recording, item) {
  const made = button("Delete …", () => {
    const next = item.nextElementSibling || item.previousElementSibling;
    confirmed({
      title: `Delete recording ${recording.number}?`,
      text: `${nameOf(recording.room)}, ${moment(recording.start)}, ${size(recording.bytes)}. It cannot be brought back.`,
      yes: "Delete",
      label: `Type ${recording.number} to confirm`,
      wanted: String(recording.number),
      act: async () => {
        await ask("DELETE", path(recording));
        item.remove();
        say(`Recording ${recording.number} is deleted.`);
      },
      back: () => next?.querySelector("button") || byId("archive-title"),
    });
  });
  label(made, `Delete recording ${recording.number}`);
  return made;
}

function files(recording, there) {
  const made = make("details");
  made.append(make("summary", "", `Download ${there.length === 1 ? "it" : `its ${there.length} files`}`));
  for (const segment of there) {
    const link = make("a", "", `${segment.file}, ${size(segment.bytes)}`);
    link.href = `/recordings/${recording.path}/${segment.file}`;
    link.download = "";
    made.append(link);
  }
  return made;
}

// The recorder's days are those of UTC, and a person's those of the wall: more is asked for, and what
// is of another day here is left out.
const dayOf = (date) => `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
const shifted = (day, days) => new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

const fields = () => ({ of: room.value, from: byId("search-from").value, to: byId("search-to").value });

// Rows behind `start`, which is null for the beginning of the list, and where it goes on.
async function find({ of, from, to }, start) {
  const query = new URLSearchParams();
  if (of) query.set("room", of);
  if (from) query.set("from", shifted(from, -1));
  if (to) query.set("to", shifted(to, 1));
  const wanted = (recording) => {
    const day = dayOf(new Date(recording.start));
    return (!from || day >= from) && (!to || day <= to);
  };
  let found = { next: start };
  const rows = [];
  do {
    if (found.next !== null) query.set("cursor", found.next);
    found = await ask("GET", `/api/v1/recordings?${query}`);
    rows.push(...found.recordings.filter(wanted));
  } while (!rows.length && found.next !== null);
  return { rows, next: found.next };
}

async function page(isFirst) {
  turn += 1;
  const mine = turn;
  const search = isFirst ? fields() : shown;
  setBusy(more, true);
  try {
    const found = await find(search, isFirst ? null : cursor);
    if (mine !== turn) return;
    shown = search;
    show(found, isFirst);
  } finally {
    if (mine === turn) setBusy(more, false);
  }
}

function show({ rows, next }, isFirst) {
  if (isFirst) list.replaceChildren();
  const unknown = rows.map((recording) => recording.room).filter((name) => !titles.has(name) && !former.has(name));
  if (unknown.length) {
    unknown.forEach((name) => former.add(name));
    offerRooms();
  }
  const lines = rows.map(line);
  list.append(...lines);
  cursor = next;
  const isUsed = document.activeElement === more;
  more.hidden = cursor === null;
  const time = new Date().toLocaleTimeString();
  const count = `${many(list.children.length, "recording", "recordings")}${cursor === null ? "" : " so far"}`;
  say(list.children.length ? `${count}, as of ${time}` : `No recordings, as of ${time}`);
  if (!isFirst && isUsed) refocus(more, lines[0]?.querySelector("button"));
}

export function openArchive() {
  byId("archive").hidden = false;
  if (isOpen) return;
  isOpen = true;
  byId("archive-old").hidden = true;
  attempt(() => page(true));
}

export function closeArchive() {
  byId("archive").hidden = true;
  isOpen = false;
  turn += 1;
  list.replaceChildren();
  more.hidden = true;
}

// The rooms to search in; and a word when recordings have begun or ended since the list was made.
export function roomsAre(rooms) {
  const now = rooms.map((each) => each.recording?.number ?? "").join();
  if (numbers !== null && numbers !== now && isOpen) byId("archive-old").hidden = false;
  numbers = now;
  const found = new Map(rooms.map((each) => [each.name, each.title || each.name]));
  if (JSON.stringify([...found]) === JSON.stringify([...titles])) return;
  titles = found;
  for (const name of list.querySelectorAll("b")) text(name, nameOf(name.dataset.room));
  offerRooms();
}

function offerRooms() {
  const chosen = room.value;
  const names = [...titles.keys(), ...[...former].filter((name) => !titles.has(name)).sort()];
  const options = names.map((name) => new Option(nameOf(name), name));
  for (const option of options) option.dir = "auto";
  room.replaceChildren(new Option("all rooms", ""), ...options);
  room.value = names.includes(chosen) ? chosen : "";
}

byId("search").onsubmit = (event) => {
  event.preventDefault();
  byId("archive-old").hidden = true;
  attempt(async () => {
    await page(true);
    // A person asked for it, so the answer is what is read next.
    byId("archive-note").focus();
  });
};
more.onclick = () => {
  // Twice would show the same rows twice.
  if (!isBusy(more)) attempt(() => page(false));
};

// The recordings: found by room and day, kept, deleted, fetched.

import { confirmed } from "./ask.js";
import { ask } from "./net.js";
import { moment, size, span } from "./words.js";

const list = document.getElementById("recordings");
const note = document.getElementById("archive-note");
const more = document.getElementById("more");
const room = document.getElementById("search-room");

let cursor = null;

function element(tag, className, content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

function button(label, act) {
  const made = element("button", "", label);
  made.type = "button";
  made.onclick = act;
  return made;
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    note.textContent = error.message;
  }
}

function line(recording) {
  const item = element("li");
  const words = element("span", "text");
  words.append(element("b", "", `${recording.room} `), `${moment(recording.start)}, ${span(recording.media_s)}, ${size(recording.bytes)}`);
  item.append(element("span", "note", String(recording.number)), words);
  if (recording.damaged) item.append(element("span", "badge critical", "damaged"));
  if (recording.deleting) item.append(element("span", "badge warning", "being deleted"));
  if (!recording.end && !recording.damaged) item.append(element("span", "badge info", "open"));
  if (recording.gaps) item.append(element("span", "badge", `${recording.gaps} ${recording.gaps === 1 ? "gap" : "gaps"}`));
  if (recording.kept) item.append(element("span", "badge kept", "kept"));
  const path = `/api/v1/recordings/${recording.number}`;
  const keep = button(recording.kept ? "Let go" : "Keep", () => attempt(async () => {
    await ask("POST", `${path}/${recording.kept ? "unkeep" : "keep"}`, {});
    const next = line({ ...recording, kept: !recording.kept });
    item.replaceWith(next);
    next.querySelector("button").focus();
  }));
  const remove = button("Delete", () => confirmed({
    title: `Delete recording ${recording.number}?`,
    text: `${recording.room}, ${moment(recording.start)}, ${size(recording.bytes)}: it cannot be brought back.`,
    yes: "Delete",
    label: `Type ${recording.number}`,
    wanted: String(recording.number),
    act: async () => {
      await ask("DELETE", path);
      item.remove();
      note.textContent = `Recording ${recording.number} is deleted.`;
    },
  }));
  remove.hidden = !recording.end;
  item.append(keep, remove);
  const there = recording.segments.filter((segment) => !segment.deleted);
  if (there.length) {
    const files = element("details");
    files.append(element("summary", "", there.length === 1 ? "1 file" : `${there.length} files`));
    for (const segment of there) {
      const link = element("a", "", `${segment.file} (${size(segment.bytes)})`);
      link.href = `/recordings/${recording.path}/${segment.file}`;
      link.download = "";
      files.append(link);
    }
    item.append(files);
  }
  return item;
}

async function page(isFirst) {
  const query = new URLSearchParams();
  const asked = { room: room.value, from: document.getElementById("search-from").value, to: document.getElementById("search-to").value };
  for (const [name, value] of Object.entries(asked)) if (value) query.set(name, value);
  if (!isFirst && cursor !== null) query.set("cursor", cursor);
  const found = await ask("GET", `/api/v1/recordings?${query}`);
  if (isFirst) list.replaceChildren();
  list.append(...found.recordings.map(line));
  cursor = found.next;
  more.hidden = cursor === null;
  note.textContent = list.children.length ? "" : "No recordings.";
}

export function openArchive() {
  document.getElementById("archive").hidden = false;
  attempt(() => page(true));
}

export function closeArchive() {
  document.getElementById("archive").hidden = true;
}

export function offerRooms(names) {
  if (room.children.length - 1 === names.length) return;
  const chosen = room.value;
  room.replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name, name)));
  room.value = names.includes(chosen) ? chosen : "";
}

document.getElementById("search").onsubmit = (event) => {
  event.preventDefault();
  attempt(() => page(true));
};
more.onclick = () => attempt(() => page(false));

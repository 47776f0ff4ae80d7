// Titles of rooms within sentences. People give them in any script. By UAX #9 one that runs from right
// to left takes the numbers behind it with it, so that of "ROOM 204, 22 Nov" the day would stand before
// the room. Each such title is therefore an island in its sentence, which itself runs as ours do.

import { make } from "./dom.js";

// The blocks whose letters are strong from right to left: DerivedBidiClass.txt, R and AL.
const FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const SYNTAX = /[\\^$.*+?()[\]{}|]/g;

let islands = null;

export function titlesAre(rooms) {
  const found = rooms.map((room) => room.title || "").filter((title) => FROM_THE_RIGHT.test(title));
  // The longest first: one title may be the beginning of another.
  found.sort((a, b) => b.length - a.length);
  islands = found.length ? new RegExp(`(${found.map((title) => title.replace(SYNTAX, "\\$&")).join("|")})`) : null;
}

// Says `words` in the element, in which titles may stand.
export function sentence(element, words) {
  if (element.textContent === words) return;
  // What a group of the pattern has found stands between the rest.
  const parts = islands === null ? [words] : words.split(islands);
  element.replaceChildren(...parts.map((part, at) => (at % 2 ? make("bdi", "", part) : part)));
}

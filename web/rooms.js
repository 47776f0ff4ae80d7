// Which rooms are shown, how large, and in which order.

import { Card } from "./card.js";
import { arrange, byId, text } from "./dom.js";

const MANY = 12;

// Whether there is a `*` the recorder does not say.
const NO_ROOMS = "No room yet. Those of the configuration are shown here, and of its room `*` those that an encoder has named.";

const cards = new Map();

// What is wrong stands first: on a wall with a hundred rooms nobody scrolls to find it. What rests
// stands last; between them every room keeps the place that the configuration gives it.
const PLACE = { fault: 0, stalled: 2, stopped: 3, idle: 5 };

function place(room, alarms) {
  const worst = alarms.length === 0 ? null : alarms[0].severity;
  const of = { critical: 0, warning: 1, info: 4 }[worst] ?? 4;
  return Math.min(of, PLACE[room.state] ?? 4) + (room.state === "idle" && worst === null ? 1 : 0);
}

// The room that the address names: null for all of them.
export function asked() {
  const name = location.hash.slice(1);
  try {
    return decodeURIComponent(name) || null;
  } catch {
    return name;
  }
}

export function sampleRooms(rooms) {
  for (const room of rooms) cards.get(room.name)?.chart.add(room.bitrate);
}

// Shows all rooms, or the one called `only`.
export function showRooms({ rooms, alarms }, { elapsed, isOperator, only }) {
  const known = new Set(rooms.map((room) => room.name));
  for (const name of cards.keys()) if (!known.has(name)) cards.delete(name);
  const of = new Map(rooms.map((room) => [room.name, alarms.filter((alarm) => alarm.room === room.name)]));
  const shown = only === null
    ? [...rooms].sort((a, b) => place(a, of.get(a.name)) - place(b, of.get(b.name)))
    : rooms.filter((room) => room.name === only);
  const isTile = only === null && rooms.length > MANY;
  for (const room of shown) {
    if (!cards.has(room.name)) cards.set(room.name, new Card(room.name));
    cards.get(room.name).show(room, { alarms: of.get(room.name), elapsed, isOperator, isTile, isAlone: only !== null });
  }
  arrange(byId("rooms"), shown.map((room) => cards.get(room.name).element));
  document.body.classList.toggle("many", isTile);
  const none = byId("no-rooms");
  none.hidden = shown.length > 0;
  text(none, only === null ? NO_ROOMS : `There is no room ${only} now.`);
}

// The card's link, for the focus of who comes back from it.
export const linkOf = (name) => cards.get(name)?.link;

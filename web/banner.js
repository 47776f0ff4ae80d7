// The worst first: one sentence over everything, and the same in the title and the icon of the tab.
// What somebody has seen steps back behind what is as bad and nobody has, and is still named.

import { byId, draw, make, text } from "./dom.js";
import { sentence } from "./names.js";
import { SEVERITIES, STATES, many } from "./words.js";

const OLD = ["No news from the recorder: what you see is old.", "It may go on recording. Check its power and the network."];

// Why, a browser does not tell a page.
const REFUSED = ["The recorder answers, and lets this page not watch.", "Close another page, or raise limits.clients; a proxy must pass WebSockets. This one tries again by itself."];
const BROKEN = ["This page fails, and what you see may be wrong.", "Load it again. In a terminal `recorder status` says the same."];
const CLOSED = ["Nothing can be seen from here.", "Give the recorder a password (recorder hash-password), or look from its own machine."];

const isBusy = (room) => room.state === "recording";

// look: { snapshot, isStale, mustLogIn, isClosed, isRefused, only }, or { isBroken }. only: the one room
// that is shown.
export function showBanner(look) {
  const { kind, what, advice = "", alarm = null } = verdict(look);
  const banner = byId("banner");
  const className = `banner ${kind}${alarm !== null && alarm.acknowledged_by !== null ? " seen" : ""}`;
  if (banner.className !== className) banner.className = className;
  draw(banner.querySelector("svg"), (SEVERITIES[kind] || SEVERITIES.warning).path);
  sentence(byId("worst"), what);
  sentence(byId("advice"), advice);
  byId("advice").hidden = !advice;
  const others = kind === "grey" || look.only !== null ? [] : look.snapshot.alarms.filter((each) => each !== alarm);
  const more = alarm === null ? ["note", "notes"] : ["more alarm", "more alarms"];
  byId("others").hidden = others.length === 0;
  text(byId("others"), [`and ${many(others.length, ...more)}`, ...parts(others, alarm)].join(", "));
}

// What of the others a look at the first does not tell.
function parts(others, first) {
  const critical = others.filter((each) => each.severity === "critical").length;
  const unseen = others.filter((each) => each.acknowledged_by === null).length;
  const found = critical ? [`${critical} critical`] : [];
  if (unseen && first.acknowledged_by !== null) found.push(`${unseen} not seen yet`);
  return found;
}

// Of one room alone, what concerns it: its own alarms, and those of the whole recorder.
export function concerning({ snapshot, only }) {
  return only === null ? snapshot.alarms : snapshot.alarms.filter((alarm) => alarm.room === null || alarm.room === only);
}

function verdict(look) {
  const { snapshot, isStale, mustLogIn, isClosed, isRefused, isBroken, only } = look;
  const grey = ([what, advice]) => ({ kind: "grey", what, advice });
  if (isBroken) return grey(BROKEN);
  if (mustLogIn) return grey(["Log in to see the rooms."]);
  if (isClosed) return grey(CLOSED);
  if (isRefused && (snapshot === null || isStale)) return grey(REFUSED);
  if (snapshot === null) return grey(["Waiting for the recorder …"]);
  if (isStale) return grey(OLD);
  const alarm = foremost(concerning(look));
  if (alarm !== null) {
    const { severity: kind, text: what, acknowledged_by: who } = alarm;
    return { kind, what, advice: who === null ? alarm.advice : `Seen by ${who}. ${alarm.advice}`, alarm };
  }
  const rooms = snapshot.rooms.filter((room) => only === null || room.name === only);
  // A disk that has just stopped answering is no alarm for a moment, and not well.
  const isWell = snapshot.storage.state === "good" && rooms.every((room) => WELL.has(room.state));
  const [kind, mood] = isWell ? ["good", "All is well."] : ["info", "No alarm stands."];
  return { kind, what: `${mood} ${recorded(rooms.filter(isBusy).length, only)} being recorded.` };
}

// A lost encoder that may come back and a room that somebody stopped are no alarm, and not well either.
const WELL = new Set(["idle", "starting", "recording"]);

function recorded(busy, only) {
  if (only !== null) return busy ? "This room is" : "Nothing here is";
  return busy ? many(busy, "room is", "rooms are") : "Nothing is";
}

// The recorder has the worst first, of those what nobody has seen. A note that was seen is done with.
const foremost = (alarms) => alarms.find(isLeft) ?? null;

const isLeft = (alarm) => alarm.acknowledged_by === null || alarm.severity !== "info";

export const OLD_NEWS = OLD.join(" ");

const MARKS = { critical: "◆", warning: "▲", info: "▲" };

export function showTitle(look) {
  const { snapshot, isStale, only } = look;
  const isKnown = snapshot !== null && !isStale;
  const rooms = isKnown ? snapshot.rooms.filter((room) => only === null || room.name === only) : [];
  const alarms = isKnown ? concerning(look).filter(isLeft) : [];
  const busy = rooms.filter(isBusy).length;
  const title = isKnown ? words(rooms, alarms, busy, only) : "? Recorder";
  if (document.title !== title) document.title = title;
  showIcon(isKnown ? alarms[0]?.severity || (busy ? "recording" : "idle") : "grey");
}

function words(rooms, alarms, busy, only) {
  const parts = [];
  if (alarms.length) parts.push(`${MARKS[alarms[0].severity] || "▲"} ${many(alarms.length, "alarm", "alarms")}`);
  if (only === null && busy) parts.push(`● ${busy} recording`);
  if (only !== null) parts.push(`${busy ? "● " : ""}${STATES[rooms[0].state]?.word || rooms[0].state}`);
  const name = only === null ? "Recorder" : rooms[0].title || rooms[0].name;
  return [...parts, name].join(" · ");
}

// Another shape for each, because at this size and for some eyes colours are alike.
const ICONS = {
  critical: ["#e5484d", SEVERITIES.critical.path],
  warning: ["#f0a020", SEVERITIES.warning.path],
  info: ["#5aa7ff", SEVERITIES.info.path],
  recording: ["#3ecf8e", STATES.recording.path],
  idle: ["#a5b0bc", STATES.idle.path],
  grey: ["#a5b0bc", SEVERITIES.grey.path],
};

function showIcon(kind) {
  const [colour, path] = ICONS[kind] || ICONS.warning;
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 32 32"><rect x="-4" y="-4" width="32" height="32" rx="7" fill="#171c23"/><path fill="${colour}" fill-rule="evenodd" d="${path}"/></svg>`;
  const address = `data:image/svg+xml,${encodeURIComponent(drawn)}`;
  if (byId("icon").getAttribute("href") === address) return;
  // A new element: some browsers do not look again at one that they know.
  const icon = make("link");
  Object.assign(icon, { id: "icon", rel: "icon", type: "image/svg+xml", href: address });
  byId("icon").replaceWith(icon);
}

// The page: what the recorder says, once a second, and how old that is. The page never looks fresh
// when it is not: three missed ticks turn everything grey, whatever the connection says.

import { say, showAlarms, tell } from "./alarms.js";
import { closeArchive, openArchive, roomsAre } from "./archive.js";
import { confirmed, isAsking } from "./ask.js";
import { OLD_NEWS, showBanner, showTitle } from "./banner.js";
import { now } from "./clock.js";
import { byId, refocus, text } from "./dom.js";
import { titlesAre } from "./names.js";
import { ask, onTurnedAway, watch } from "./net.js";
import { showCounts, showDisk, showMachine } from "./panels.js";
import { asked, linkOf, sampleRooms, showRooms } from "./rooms.js";
import { span } from "./words.js";

const STALE_S = 3;
const NO_ANSWER_MS = 2000;
// Nobody reloads a display on a wall by hand: who is turned away asks again.
const TURNED_AWAY_MS = 60_000;

let snapshot = null;
let version = null;
let made = 0;
let wasStale = false;
let level = "nobody";
let hasPassword = false;
let stopWatching = null;
let isAnswered = false;
let refusals = 0;
let next = null;

// What is shown now.

function show() {
  try {
    showAll();
  } catch (error) {
    // Half of it would be of now, and the rest of then, below a banner that says that all is well.
    console.warn(`The page cannot be shown: ${error.stack}`);
    document.body.classList.add("stale");
    showBanner({ isBroken: true });
    showTitle({ snapshot: null });
  }
}

function showAll() {
  const elapsed = snapshot === null ? Infinity : now() - made;
  const isStale = elapsed > STALE_S;
  const only = asked();
  const isOne = only !== null && snapshot !== null && snapshot.rooms.some((room) => room.name === only);
  const isOperator = level === "operator";
  const mustLogIn = level === "nobody" && hasPassword;
  const isClosed = isAnswered && level === "nobody" && !hasPassword;
  const look = { snapshot, isStale, mustLogIn, isClosed, isRefused: refusals > 1, only: isOne ? only : null };
  document.body.classList.toggle("stale", isStale);
  document.body.classList.toggle("single", isOne);
  document.body.classList.toggle("empty", snapshot === null);
  byId("back").hidden = only === null || snapshot === null;
  byId("fill").hidden = !isOne || !document.fullscreenEnabled || document.fullscreenElement !== null;
  text(byId("link"), linkWords(elapsed, isStale, mustLogIn));
  showBanner(look);
  showTitle(look);
  if (snapshot === null) return;
  if (isStale && !wasStale) say(OLD_NEWS);
  if (wasStale && !isStale) say("The recorder answers again.");
  wasStale = isStale;
  showRooms(snapshot, { elapsed, isOperator, only });
  showCounts(snapshot);
  showAlarms(snapshot.alarms, { elapsed, isOperator });
  showDisk(snapshot, elapsed);
  showMachine(snapshot, elapsed);
}

function linkWords(elapsed, isStale, mustLogIn) {
  if (mustLogIn) return "not logged in";
  if (snapshot === null) return "connecting …";
  return isStale ? `no news for ${span(elapsed)}` : "live";
}

function onSnapshot(found, late) {
  // A display on a wall is never reloaded by hand: another recorder has another page. Whoever is being
  // asked something answers first.
  version ??= found.system.version;
  if (version !== found.system.version && !isAsking()) location.reload();
  refusals = 0;
  snapshot = found;
  // Its figures are of when it was made.
  made = now() - late;
  titlesAre(found.rooms);
  sampleRooms(found.rooms);
  show();
  tell(found.alarms);
  roomsAre(found.rooms);
}

// Who looks.

async function session() {
  let wait = null;
  try {
    const found = await ask("GET", "/api/v1/session");
    level = found.level;
    hasPassword = found.has_password;
    isAnswered = true;
    // Asked because the line was lost: who answers this and gives no line has too many already.
    if (stopWatching !== null) refusals += 1;
    if (level === "nobody") wait = TURNED_AWAY_MS;
  } catch (error) {
    console.warn(`Who asks is not known: ${error.message}`);
    if (stopWatching === null) wait = NO_ANSWER_MS;
  }
  clearTimeout(next);
  // Jitter: a hundred pages must not ask in the same moment.
  if (wait !== null) next = setTimeout(session, wait * (0.5 + Math.random()));
  const button = byId("session");
  button.hidden = !hasPassword;
  button.classList.toggle("main", level === "nobody");
  text(button, level === "operator" ? "Log out" : "Log in");
  if (level === "operator") openArchive();
  else closeArchive();
  if (level !== "nobody" && stopWatching === null) stopWatching = watch(onSnapshot, session);
  if (level === "nobody" && stopWatching !== null) {
    stopWatching();
    stopWatching = null;
  }
  show();
}

// The login has run out, and the line that it opened may go on: no button is offered that does nothing.
onTurnedAway(() => {
  if (level === "operator") session();
});

byId("session").onclick = async () => {
  if (level !== "operator") {
    confirmed({
      title: "Log in",
      text: "With the operators' password you can also act, and see the recordings.",
      yes: "Log in",
      label: "Password",
      secret: true,
      act: async (password) => {
        await ask("POST", "/api/v1/login", { password });
        await session();
      },
    });
    return;
  }
  text(byId("session-error"), "");
  try {
    await ask("POST", "/api/v1/logout");
    location.reload();
  } catch (error) {
    // Not where the next second says something else.
    text(byId("session-error"), error.message);
    byId("session-error").focus();
  }
};

// Moving about.

byId("skip").onclick = (event) => {
  // Not by the address, which names rooms.
  event.preventDefault();
  byId("rooms").focus();
};
byId("others").onclick = (event) => {
  event.preventDefault();
  byId("alarms-title").focus();
  byId("alarms-title").scrollIntoView({ block: "start" });
};
byId("fill").onclick = () => document.documentElement.requestFullscreen().catch((error) => {
  console.warn(`The screen cannot be filled: ${error.message}`);
});
document.addEventListener("fullscreenchange", () => {
  const used = document.activeElement;
  show();
  if (used === byId("fill")) refocus(used, linkOf(asked()));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && asked() !== null && !isAsking()) location.hash = "";
});
let last = asked();
addEventListener("hashchange", () => {
  show();
  scrollTo(0, 0);
  refocus(linkOf(asked() ?? last), byId("rooms"));
  last = asked();
});

// Who wakes looks at once, and the next second would be too late.
addEventListener("pageshow", show);
document.addEventListener("visibilitychange", () => {
  show();
  if (!document.hidden && isAnswered && level === "nobody") session();
});
setInterval(show, 1000);
new Worker("beat.js").onmessage = () => {
  if (document.hidden) show();
};
session();

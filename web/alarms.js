// The alarms that stand, with what to do, and the list of those that stood. Said aloud once, when one
// comes: a sentence that counts seconds would be said again at each of them.

import { arrange, button, byId, draw, icon, isBusy, label, make, refocus, setBusy, text } from "./dom.js";
import { sentence } from "./names.js";
import { ask } from "./net.js";
import { SEVERITIES, many, moment, since, span } from "./words.js";

const MOST_SAID = 3;
// So many lines, the worst, are shown before somebody asks for more.
const FOLDED = 6;

const allSeen = byId("all-seen");
const unfold = byId("unfold");
const lines = new Map();
const heard = new Map();
const RANK = { critical: 0, warning: 1, info: 2 };
let standing = [];
let isUnfolded = false;

// Tells a screen reader what has come, what has become worse, and that all is over.
export function tell(alarms) {
  const news = alarms.filter((alarm) => !(RANK[heard.get(alarm.id)] <= RANK[alarm.severity]));
  const isOver = heard.size > 0 && alarms.length === 0;
  heard.clear();
  for (const alarm of alarms) heard.set(alarm.id, alarm.severity);
  // On the day on which all rooms fail at once nobody listens to a hundred sentences.
  const first = news.slice(0, MOST_SAID).map((alarm) => `${alarm.text} ${alarm.advice}`);
  const rest = news.length - first.length;
  if (news.length) say([...first, ...(rest ? [`And ${many(rest, "more alarm", "more alarms")}.`] : [])].join(" "));
  else if (isOver) say("No alarm stands any more.");
}

// Anew also where it is the same sentence as before, which else no screen reader would say again.
export function say(words) {
  byId("said").textContent = words;
}

export function showAlarms(alarms, { elapsed, isOperator }) {
  standing = alarms.map((alarm) => alarm.id);
  const used = document.activeElement;
  const isUsed = used === allSeen || used === unfold || byId("alarms").contains(used);
  for (const id of lines.keys()) if (!standing.includes(id)) lines.delete(id);
  for (const alarm of alarms) {
    if (!lines.has(alarm.id)) lines.set(alarm.id, new Line(alarm));
    lines.get(alarm.id).show(alarm, elapsed, isOperator);
  }
  fold();
  byId("no-alarms").hidden = alarms.length > 0;
  allSeen.hidden = !isOperator || alarms.filter((alarm) => alarm.acknowledged_by === null).length < 2;
  if (isUsed) refocus(used, byId("alarms").querySelector("button:not([hidden])"), byId("alarms-title"));
  followPast(alarms);
}

function fold() {
  const shown = isUnfolded ? standing : standing.slice(0, FOLDED);
  arrange(byId("alarms"), shown.map((id) => lines.get(id).element));
  unfold.hidden = standing.length <= FOLDED;
  text(unfold, isUnfolded ? "Show fewer" : `Show ${standing.length - FOLDED} more`);
}

class Line {
  constructor(alarm) {
    this.element = make("li", "alarm");
    this.badge = make("span");
    this.badge.append(icon(""), make("span"));
    const words = make("div", "text");
    this.what = make("p", "what");
    this.advice = make("p");
    this.note = make("p", "note");
    words.append(this.what, this.advice, this.note);
    this.id = alarm.id;
    this.button = button("Seen", () => this.acknowledge());
    this.failure = "";
    this.element.append(this.badge, this.button, words);
  }

  async acknowledge() {
    try {
      await ask("POST", `/api/v1/alarms/${encodeURIComponent(this.id)}/acknowledge`);
      this.failure = "";
    } catch (error) {
      this.failure = ` ${error.message}`;
    }
  }

  show(alarm, elapsed, isOperator) {
    const severity = SEVERITIES[alarm.severity] || SEVERITIES.warning;
    this.element.className = alarm.acknowledged_by === null ? "alarm" : "alarm seen";
    this.badge.className = `badge ${alarm.severity}`;
    draw(this.badge.children[0], severity.path);
    text(this.badge.children[1], severity.word);
    sentence(this.what, alarm.text);
    sentence(this.advice, alarm.advice);
    const seen = alarm.acknowledged_by === null ? "" : `, seen by ${alarm.acknowledged_by}`;
    // Of what stood before the recorder started nobody has measured how long.
    const lasting = alarm.age_s === null ? "" : `, for ${span(alarm.age_s + elapsed)}`;
    text(this.note, `since ${since(alarm.since)}${lasting}${seen}${this.failure}`);
    label(this.button, `Seen: ${alarm.text}`);
    this.button.hidden = !isOperator || alarm.acknowledged_by !== null;
  }
}

// Those that stand now, folded ones too: of what comes meanwhile nobody has seen anything.
allSeen.onclick = async () => {
  if (isBusy(allSeen)) return;
  setBusy(allSeen, true);
  await Promise.all([...lines.values()].filter((line) => !line.button.hidden).map((line) => line.acknowledge()));
  setBusy(allSeen, false);
};

unfold.onclick = () => {
  isUnfolded = !isUnfolded;
  fold();
};

const EVENTS = { raised: "came", cleared: "went", acknowledged: "seen" };

const past = byId("past");
let asking = 0;
let changes = null;

// Who has it open sees what has happened since, too: a display on a wall has it open for days.
function followPast(alarms) {
  const found = JSON.stringify(alarms.map(({ id, severity, since: when, acknowledged_by: who }) => [id, severity, when, who]));
  if (changes !== null && changes !== found && past.open) tellPast();
  changes = found;
}

async function tellPast() {
  asking += 1;
  const mine = asking;
  const told = await pastLines();
  // What was asked for later is newer, whichever comes first.
  if (mine === asking) byId("past-alarms").replaceChildren(...told);
}

async function pastLines() {
  try {
    const { history } = await ask("GET", "/api/v1/alarms");
    return history.length ? history.reverse().map(pastLine) : [make("li", "note", "Nothing yet.")];
  } catch (error) {
    return [make("li", "error", error.message)];
  }
}

function pastLine(event) {
  const item = make("li");
  const who = event.who ? ` by ${event.who}` : "";
  const what = make("span", "text");
  sentence(what, event.text);
  item.append(make("span", "note", `${moment(event.time)} · ${EVENTS[event.event] || event.event}${who}`), what);
  return item;
}

past.ontoggle = () => {
  if (past.open) tellPast();
};

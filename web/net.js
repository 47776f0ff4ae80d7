// The way to the recorder: requests, and the live socket that comes back by itself.

import { lateness } from "./lateness.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const SILENT_MS = 10000;
// A line on which pictures are held up so long, and have been for so long, is given up for a new one:
// what is still under way on it goes with it.
const LATE_S = 2;
const LATE_MS = 5000;
// Deleting takes seconds on a slow card. Whoever waits longer would rather know.
const ANSWER_MS = 30000;
const LATE = `The recorder has not answered for ${ANSWER_MS / 1000} s. It may still do what was asked.`;
const GONE = "The recorder does not answer. Check its power and the network.";

export async function ask(method, path, body) {
  // By hand: AbortSignal.timeout is of 2022, and tablets beside doors are older.
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), ANSWER_MS);
  let response;
  let content;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: stop.signal,
    });
    content = await response.text();
  } catch {
    throw new Error(stop.signal.aborted ? LATE : GONE);
  } finally {
    clearTimeout(limit);
  }
  const found = parsed(content);
  if (response.ok) return found;
  if (response.status === 401 || response.status === 403) turnedAway();
  throw new Error(found.error || `The recorder answers ${response.status}.`);
}

let turnedAway = () => {};

// Calls `act` whenever who asks may not.
export function onTurnedAway(act) {
  turnedAway = act;
}

function parsed(content) {
  try {
    return JSON.parse(content);
  } catch {
    throw new Error("The recorder's answer makes no sense.");
  }
}

// Calls `onSnapshot` with each picture and the seconds that it was held up on its way, and `onClose`
// when the line is lost, and opens it again until the function that it returns is called.
export function watch(onSnapshot, onClose) {
  let wait = FIRST_WAIT_MS;
  let stop = () => {};

  function open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live`);
    const late = lateness();
    let inTime = performance.now();
    let isOver = false;
    let silence = setTimeout(over, SILENT_MS);

    // A browser may take a minute to notice a dead line: the silence decides.
    function over() {
      if (isOver) return;
      isOver = true;
      clearTimeout(silence);
      socket.close();
      // Jitter: a hundred pages must not come back in the same moment.
      const again = setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      stop = () => clearTimeout(again);
      onClose();
    }

    stop = () => {
      isOver = true;
      clearTimeout(silence);
      socket.close();
    };
    socket.onmessage = (event) => {
      if (isOver) return;
      clearTimeout(silence);
      silence = setTimeout(over, SILENT_MS);
      wait = FIRST_WAIT_MS;
      const found = JSON.parse(event.data);
      const delay = late(found.system.uptime_s);
      if (delay <= LATE_S) inTime = performance.now();
      onSnapshot(found, delay);
      if (performance.now() - inTime > LATE_MS) over();
    };
    socket.onclose = over;
    socket.onerror = over;
  }

  open();
  return () => stop();
}

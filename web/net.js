// The way to the recorder: requests, and the live socket that comes back by itself.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const SILENT_MS = 10000;

export async function ask(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  const document = await response.json().catch(() => ({ error: "The recorder's answer makes no sense." }));
  if (!response.ok) {
    const error = new Error(document.error || `The recorder answers ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return document;
}

// Calls `onSnapshot` with each picture and `onClose` when the line is lost. Returns nothing: it goes
// on for as long as the page is open.
export function watch(onSnapshot, onClose) {
  let wait = FIRST_WAIT_MS;

  function open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live`);
    let silence = setTimeout(() => socket.close(), SILENT_MS);
    let isOver = false;

    // A browser may take a minute to notice a dead line: the silence decides.
    function over() {
      if (isOver) return;
      isOver = true;
      clearTimeout(silence);
      onClose();
      // Jitter: a hundred pages must not come back in the same moment.
      setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }

    socket.onmessage = (event) => {
      if (isOver) return;
      clearTimeout(silence);
      silence = setTimeout(() => { socket.close(); over(); }, SILENT_MS);
      wait = FIRST_WAIT_MS;
      onSnapshot(JSON.parse(event.data));
    };
    socket.onclose = over;
    socket.onerror = over;
  }

  open();
}

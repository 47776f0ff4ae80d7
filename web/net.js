// The way to the recorder: requests, and the live socket that comes back by itself.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const SILENT_MS = 10000;

export async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new Error("The recorder does not answer. Check its power and the network.");
  }
  const document = await response.json().catch(() => ({ error: "The recorder's answer makes no sense." }));
  if (!response.ok) throw new Error(document.error || `The recorder answers ${response.status}.`);
  return document;
}

// Calls `onSnapshot` with each picture and `onClose` when the line is lost, and opens it again until
// the function that it returns is called.
export function watch(onSnapshot, onClose) {
  let wait = FIRST_WAIT_MS;
  let stop = () => {};

  function open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live`);
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
      onSnapshot(JSON.parse(event.data));
    };
    socket.onclose = over;
    socket.onerror = over;
  }

  open();
  return () => stop();
}

// Figures as people read them, and what each state looks like. Pure: values in, text out.

// Every shape is another one, so that nobody needs to tell colours apart.
export const STATES = {
  idle: { word: "Idle", path: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zm0 2.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12z" },
  starting: { word: "Starting", path: "M7 3.5 20 12 7 20.5z" },
  recording: { word: "Recording", path: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16zm0 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z" },
  waiting: { word: "Waiting", path: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm1.2 4.5v5l3.8 2.3-1.2 2-5-3V6.5z" },
  stalled: { word: "Disk stalls", path: "M5 2h14v4.5L14.5 12l4.5 5.5V22H5v-4.5L9.5 12 5 6.5z" },
  stopped: { word: "Stopped", path: "M4.5 4.5h15v15h-15z" },
  fault: { word: "Not recorded", path: "M12 1 1 12l11 11 11-11zm-1.3 5.5h2.6v7h-2.6zm0 8.7h2.6v2.6h-2.6z" },
};

export const SEVERITIES = {
  critical: { word: "Critical", path: STATES.fault.path },
  warning: { word: "Warning", path: "M12 2 .8 21.5h22.4zm-1.2 7h2.4v6h-2.4zm0 7.5h2.4v2.4h-2.4z" },
  info: { word: "Note", path: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1.3 4.5h2.6v2.6h-2.6zm0 4.2h2.6v6.8h-2.6z" },
  good: { word: "Good", path: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1.6 14.6-4.3-4.3 1.7-1.7 2.6 2.6 5.8-5.8 1.7 1.7z" },
  grey: { word: "Unknown", path: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1.2 13.5h2.4v2.4h-2.4zm0-1.5c0-2.6 2.6-2.7 2.6-4.5 0-1-.7-1.5-1.5-1.5s-1.6.6-1.6 1.8H8.1C8.1 7.3 9.8 6 12 6s3.7 1.3 3.7 3.3c0 2.6-2.6 2.9-2.6 4.7z" },
};

// As the recorder's own sentences, its terminal and its configuration have them: one size must not be
// two numbers on one page.
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "unknown";
  let at = 0;
  let value = bytes;
  while (value >= 1023.95 && at < UNITS.length - 1) {
    value /= 1024;
    at += 1;
  }
  return at === 0 ? many(value, "byte", "bytes") : `${value.toFixed(1)} ${UNITS[at]}`;
}

export function rate(bits) {
  if (bits === null) return "measuring …";
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} days`;
}

// So short that it fits a tile.
export function brief(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

export const ago = (seconds) => `${span(seconds)} ago`;

// A figure that is older than this says how old it is; one of the last ticks need not.
const FRESH_S = 3;
export const aged = (value, seconds) => (seconds === null || seconds < FRESH_S ? value : `${value}, ${ago(seconds)}`);
export const at = (seconds, elapsed) => (seconds === null ? null : seconds + elapsed);

// How long the disk lasts: in hours, because lessons are.
export function left(seconds) {
  if (seconds === null) return "unknown";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  if (hours >= 72) return `${hours} h`;
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours >= 10 || minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`;
}

export function moment(text) {
  const when = new Date(text);
  if (Number.isNaN(when.getTime())) return text;
  return when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

// Of today the time alone: the day is told where it is another one.
export function since(text, today = new Date()) {
  const when = new Date(text);
  if (when.toDateString() !== today.toDateString()) return moment(text);
  return when.toLocaleTimeString([], { timeStyle: "short" });
}

export const many = (count, one, more) => `${count} ${count === 1 ? one : more}`;

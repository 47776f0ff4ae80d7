// Figures as people read them, and what each state looks like. Pure: values in, text out.

export const STATES = {
  idle: { word: "Idle", path: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zm0 2a6 6 0 1 1 0 12 6 6 0 0 1 0-12z" },
  starting: { word: "Starting", path: "M8 5l11 7-11 7z" },
  recording: { word: "Recording", path: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z" },
  waiting: { word: "Waiting", path: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm1 4v4.6l3.6 2.1-1 1.7L11 12.8V7z" },
  stalled: { word: "Disk stalls", path: "M12 3 1.5 21h21zm-1 6h2v6h-2zm0 7.500h2v2h-2z" },
  stopped: { word: "Stopped", path: "M6 6h12v12H6z" },
  fault: { word: "Not recorded", path: "M12 2 2 12l10 10 10-10zm-1 5h2v7h-2zm0 8.500h2v2h-2z" },
};

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "unknown";
  let at = 0;
  let value = bytes;
  while (value >= 999.5 && at < UNITS.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[at]}`;
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

export function left(seconds) {
  if (seconds === null) return "unknown";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  return hours < 240 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

export function moment(text) {
  const when = new Date(text);
  if (Number.isNaN(when.getTime())) return text;
  return when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

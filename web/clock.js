// The page's clock: seconds that went by, those that the machine slept among them. In sleep
// performance.now() stands still on most systems, and a page that wakes would call yesterday live. The
// wall's clock goes on: what it has gained on the other is counted as sleep. When it was only set, all
// is old until the next picture, a second later.

// Clocks of different crystals part by less until a tablet is put to sleep the next time.
const PARTED_MS = 1500;

let apart = Date.now() - performance.now();
let slept = 0;

export function now() {
  const gained = Date.now() - performance.now() - apart;
  if (Math.abs(gained) > PARTED_MS) {
    apart += gained;
    // Set back, it says nothing of sleep.
    slept += Math.max(0, gained);
  }
  return (performance.now() + slept) / 1000;
}

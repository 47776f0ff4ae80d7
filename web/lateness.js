// How old a picture is when it comes. A slow line, and even more a proxy or a tunnel before it, holds
// many of them on their way: one that has just come may be of a minute ago, and would look fresh. Each
// says how long the recorder has run. By how much that lies further behind the page's own clock than
// at best, so late the picture is.

// Two clocks that nobody sets part by less than this, in seconds a second: else a page that is open
// for weeks would call the difference of two crystals a delay.
const PARTING = 0.0002;

// Of one connection, on which nothing is on its way at first. Gives what tells of each picture how many
// seconds it was held up, from how long the recorder had run then.
export function lateness() {
  let least = Infinity;
  let last = 0;
  return (uptime) => {
    // Not the clock that counts sleep: who sets the wall's would make all pictures late.
    const at = performance.now() / 1000;
    least = Math.min(least + (at - last) * PARTING, at - uptime);
    last = at;
    return at - uptime - least;
  };
}

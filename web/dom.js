// Small hands for the page's elements. What has not changed is not touched, what has the focus keeps
// it, and text is only ever set as text.

export const byId = (id) => document.getElementById(id);

export function make(tag, className, content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

export function button(label, act, className) {
  const made = make("button", className, label);
  made.type = "button";
  made.onclick = act;
  return made;
}

export function icon(path) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("aria-hidden", "true");
  made.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  draw(made, path);
  return made;
}

export function draw(svg, path) {
  const drawn = svg.querySelector("path");
  if (drawn.getAttribute("d") !== path) drawn.setAttribute("d", path);
}

export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

export function label(element, value) {
  if (element.getAttribute("aria-label") !== value) element.setAttribute("aria-label", value);
}

// A button of which something is under way. It keeps the focus, which `disabled` would take from it.
export const isBusy = (element) => element.getAttribute("aria-disabled") === "true";

export function setBusy(element, busy) {
  if (busy) element.setAttribute("aria-disabled", "true");
  else element.removeAttribute("aria-disabled");
}

// Makes these the children of `parent`, in this order. The one with the focus is never moved, which
// would take the focus from it: the others are moved around it.
export function arrange(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  if (!elements.length) return;
  const held = Math.max(0, elements.findIndex((each) => each.contains(document.activeElement)));
  if (!elements[held].isConnected) parent.prepend(elements[held]);
  for (let at = held - 1; at >= 0; at -= 1) {
    const next = elements[at + 1];
    if (next.previousElementSibling !== elements[at]) parent.insertBefore(elements[at], next);
  }
  for (let at = held + 1; at < elements.length; at += 1) {
    const before = elements[at - 1];
    if (before.nextElementSibling !== elements[at]) before.after(elements[at]);
  }
}

// Rows of a definition list, [term, value] each, and the tone of the value where it has one.
export function facts(element, rows) {
  while (element.children.length > rows.length) element.lastElementChild.remove();
  rows.forEach(([term, value, tone = ""], at) => {
    if (element.children.length <= at) {
      const row = make("div");
      row.append(make("dt"), make("dd"));
      element.append(row);
    }
    text(element.children[at].children[0], term);
    const told = element.children[at].children[1];
    text(told, value);
    if (told.className !== tone) told.className = tone;
  });
}

const canHaveFocus = (element) => element.isConnected && element.getClientRects().length > 0;

// Focuses the first of these that can be: what somebody used may be gone by now.
export function refocus(...elements) {
  elements.find((each) => each && canHaveFocus(each))?.focus();
}

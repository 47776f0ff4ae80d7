// One dialog for every question: a confirmation, a word to type, a password.

import { byId, refocus } from "./dom.js";

const dialog = byId("ask");
const form = dialog.querySelector("form");
const field = byId("ask-field");
const failure = byId("ask-error");
const yesButton = byId("ask-yes");

export const isAsking = () => dialog.open;

// Asks, and does it when the answer is yes. The dialog stays open with the reason while `act` fails.
//   title, text, yes: what is said; label: of a field to fill, if there is one; secret: a password;
//   wanted: what must be typed for a yes; back: gives what gets the focus when whoever asked is gone.
export function confirmed({ title, text, yes, label, secret, wanted, act, back = () => null }) {
  const opener = document.activeElement;
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  yesButton.textContent = yes;
  byId("ask-label").hidden = label === undefined;
  byId("ask-name").textContent = label || "";
  byId("ask-user").disabled = !secret;
  field.type = secret ? "password" : "text";
  field.autocomplete = secret ? "current-password" : "off";
  field.value = "";
  failure.textContent = "";
  form.onsubmit = async (event) => {
    event.preventDefault();
    // Enter again while it is being done would do it twice.
    if (form.ariaBusy === "true") return;
    if (wanted !== undefined && field.value.trim() !== wanted) {
      fail(`Type ${wanted} to confirm.`);
      return;
    }
    form.ariaBusy = "true";
    failure.textContent = "";
    try {
      await act(field.value);
      dialog.close();
    } catch (error) {
      fail(error.message);
    } finally {
      form.ariaBusy = "false";
    }
  };
  byId("ask-no").onclick = () => dialog.close();
  dialog.onclose = () => {
    field.value = "";
    refocus(opener, back(), byId("rooms-title"));
  };
  dialog.showModal();
  (label === undefined ? yesButton : field).focus();
}

// Said by a screen reader because it belongs to what has the focus then, and not by a live region.
function fail(sentence) {
  failure.textContent = sentence;
  if (byId("ask-label").hidden) failure.focus();
  else field.focus();
}

// One dialog for every question: a confirmation, a word to type, a password. What is being done goes
// on when its question is left, and may come to its end while another one is asked: of a question that
// is asked no more nothing is touched here.

import { byId, isBusy, refocus, setBusy } from "./dom.js";
import { sentence } from "./names.js";

const dialog = byId("ask");
const form = dialog.querySelector("form");
const field = byId("ask-field");
const failure = byId("ask-error");
const yesButton = byId("ask-yes");
const noButton = byId("ask-no");

// The question that is asked now, or was asked last.
let current = null;

export const isAsking = () => dialog.open;

// Asks, and does it when the answer is yes. The dialog stays open with the reason while `act` fails.
//   title, text, yes: what is said; label: of a field to fill, if there is one; secret: a password;
//   wanted: what must be typed for a yes; back: gives what gets the focus when whoever asked is gone.
export function confirmed({ title, text, yes, label, secret, wanted, act, back = () => null }) {
  const opener = document.activeElement;
  const question = {};
  current = question;
  sentence(byId("ask-title"), title);
  sentence(byId("ask-text"), text);
  working(false, yes);
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
    if (isBusy(yesButton)) return;
    if (wanted !== undefined && field.value.trim() !== wanted) {
      fail(`Type ${wanted} to confirm.`);
      return;
    }
    working(true, "Working …");
    failure.textContent = "";
    // Said by a screen reader wherever Enter was pressed.
    yesButton.focus();
    const reason = await reasonOf(() => act(field.value));
    if (question !== current || !dialog.open) return;
    working(false, yes);
    if (reason === null) dialog.close();
    else fail(reason);
  };
  noButton.onclick = () => dialog.close();
  dialog.onclose = () => {
    field.value = "";
    refocus(opener, back(), byId("rooms-title"));
  };
  dialog.showModal();
  (label === undefined ? yesButton : field).focus();
}

// What is on its way cannot be called back: the dialog can be closed, and that is no cancelling.
function working(isWorking, word) {
  setBusy(yesButton, isWorking);
  yesButton.textContent = word;
  noButton.textContent = isWorking ? "Close" : "Cancel";
}

// Why it was not done; null when it was.
async function reasonOf(act) {
  try {
    await act();
    return null;
  } catch (error) {
    console.warn(`Not done: ${error.message}`);
    return error.message;
  }
}

// Said by a screen reader because it belongs to what has the focus then, and not by a live region.
function fail(reason) {
  sentence(failure, reason);
  if (byId("ask-label").hidden) failure.focus();
  else field.focus();
}

// One dialog for every question: a confirmation, a word to type, a password.

const dialog = document.getElementById("ask");
const field = document.getElementById("ask-field");
const failure = document.getElementById("ask-error");

// Asks, and does it when the answer is yes. The dialog stays open with the reason while `act` fails.
//   title, text, yes: what is said; label: of a field to fill, if there is one; secret: a password;
//   wanted: what must be typed for a yes.
export function confirmed({ title, text, yes, label, secret, wanted, act }) {
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = text;
  document.getElementById("ask-yes").textContent = yes;
  document.getElementById("ask-label").hidden = label === undefined;
  document.getElementById("ask-name").textContent = label || "";
  field.type = secret ? "password" : "text";
  field.autocomplete = secret ? "current-password" : "off";
  field.value = "";
  failure.textContent = "";
  dialog.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    if (wanted !== undefined && field.value.trim() !== wanted) {
      failure.textContent = `Type ${wanted} to confirm.`;
      return;
    }
    try {
      await act(field.value);
      dialog.close();
    } catch (error) {
      failure.textContent = error.message;
    }
  };
  document.getElementById("ask-no").onclick = () => dialog.close();
  dialog.showModal();
}

// Drag and drop for the upload form. Without this script the plain file input does the same.
"use strict";

const form = document.getElementById("upload-form");
const zone = document.getElementById("drop-zone");
const input = document.getElementById("file");
const note = document.getElementById("file-note");
const button = form.querySelector("button[type=submit]");

function describe() {
  const file = input.files[0];
  const tooLarge = Boolean(file) && file.size > Number(form.dataset.limit);
  input.setCustomValidity(tooLarge ? "This file is too large. Split it and upload the parts." : "");
  if (!file) note.textContent = "";
  else note.textContent = tooLarge ? input.validationMessage : `${file.name}, ${Math.ceil(file.size / 1024)} KB`;
}

for (const name of ["dragenter", "dragover"]) {
  zone.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.add("is-over");
  });
}
for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("is-over"));
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  input.files = event.dataTransfer.files;
  describe();
  button.focus();
});
// A file dropped beside the zone would otherwise replace the page and show a patient's record in the tab.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
input.addEventListener("change", describe);
form.addEventListener("submit", () => {
  button.disabled = true;
  button.textContent = "Reading the file…";
});
// The back button restores a page as it was left: make its button work again. A quick hand may also have chosen a
// file before this script ran.
window.addEventListener("pageshow", () => {
  describe();
  button.disabled = false;
  button.textContent = "Upload";
});

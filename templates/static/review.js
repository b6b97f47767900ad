// Review by keyboard, and marking of missed words by selecting them. Without this script the checkboxes
// and the field for words do the same work.
"use strict";

const form = document.getElementById("review");
const field = form.elements.marks;
const note = document.getElementById("selection");
const list = document.getElementById("mark-list");
const highlights = window.Highlight ? new Highlight() : null;
let marks = JSON.parse(field.value || "[]") || [];
let selected = null;

// Offsets count code points, as the server does; the DOM counts UTF-16 units.
const codePoints = (text) => [...text].length;

function offsetAt(node, units) {
  const piece = node.nodeType === Node.TEXT_NODE && node.parentElement.closest("[data-start]");
  return piece ? Number(piece.dataset.start) + codePoints(node.data.slice(0, units)) : null;
}

// The first and last characters of the selection that are the record's own, not a label of the page.
function spanOf(range) {
  const words = range.commonAncestorContainer.parentElement?.closest("[data-field]")
    || (range.commonAncestorContainer.closest && range.commonAncestorContainer.closest("[data-field]"));
  if (!words || range.collapsed) return null;
  let start = null;
  let end = null;
  const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.closest("[data-start]") || !range.intersectsNode(node)) continue;
    const first = node === range.startContainer ? range.startOffset : 0;
    const last = node === range.endContainer ? range.endOffset : node.data.length;
    if (first >= last) continue;
    start ??= offsetAt(node, first);
    end = offsetAt(node, last);
  }
  return start === null ? null : { field: words.dataset.field, start, end };
}

function show() {
  field.value = JSON.stringify(marks.map(({ field, start, end, kind }) => ({ field, start, end, kind })));
  list.replaceChildren(...marks.map((mark, index) => {
    const item = document.createElement("li");
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn btn-outline-secondary btn-sm me-2";
    remove.textContent = "Undo";
    remove.addEventListener("click", () => {
      highlights?.delete(mark.range);
      marks.splice(index, 1);
      show();
    });
    const label = [...form.elements.kind.options].find((option) => option.value === mark.kind)?.text;
    item.append(remove, `${mark.text || "marked words"} (${label})`);
    return item;
  }));
}

function mark() {
  if (!selected) {
    note.textContent = "Select the words in the text first.";
    return;
  }
  marks.push({ ...selected, kind: form.elements.kind.value });
  highlights?.add(selected.range);
  note.textContent = `“${selected.text}” will be hidden.`;
  selected = null;
  document.getSelection().removeAllRanges();
  show();
}

function step(by) {
  const boxes = [...form.querySelectorAll("input[name=reject]")];
  const at = boxes.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : boxes.length - 1) : (at + by + boxes.length) % boxes.length;
  boxes[next]?.focus();
  boxes[next]?.scrollIntoView({ block: "center" });
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  x: () => document.activeElement.name === "reject" && document.activeElement.click(),
  m: mark,
  a: () => form.requestSubmit(),
  "?": () => document.getElementById("help").toggleAttribute("open"),
};

form.addEventListener("keydown", (event) => {
  const typing = event.target.matches("textarea, select, input:not([type=checkbox])");
  if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
document.addEventListener("selectionchange", () => {
  const selection = document.getSelection();
  const range = selection.rangeCount ? selection.getRangeAt(0).cloneRange() : null;
  const span = range && spanOf(range);
  if (!span) return; // Pressing a button empties the selection; what was chosen last still counts.
  selected = { ...span, range, text: selection.toString().trim().slice(0, 60) };
  note.textContent = `Selected: “${selected.text}”`;
});
document.getElementById("mark").addEventListener("click", mark);
for (const id of ["marker", "mark-action"]) document.getElementById(id).hidden = false;
window.CSS?.highlights?.set("marked", highlights);
show();

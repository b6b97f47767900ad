// Review by keyboard, and marking of missed words by selecting them. Without this script the checkboxes
// and the field for words do the same work. The blind reading of a sample uses it too.
"use strict";

const form = document.getElementById("review");
const field = form.elements.marks;
const note = document.getElementById("selection");
const list = document.getElementById("mark-list");
const highlights = window.Highlight ? new Highlight() : null;
const texts = [...form.querySelectorAll("[data-field]")];
const words = texts.flatMap(wordsOf);
const boxes = [...form.querySelectorAll("input[name=reject]")];
// The doubtful ones first, each group in reading order.
boxes.sort((one, other) => isUnsure(other) - isUnsure(one));
// How to take back each step, the newest last.
const done = [];
let marks = JSON.parse(field.value || "[]") || [];
let selected = null;
// The first and the last word that the arrow keys have selected; the last one moves.
let anchor = -1;
let caret = -1;
// Where in the text the focus was last; the page may have set it before this script ran.
let spot = form.querySelector("[autofocus]") || document.getElementById("words");
let isSent = false;

function isUnsure(box) {
  return Number(box.parentElement.classList.contains("is-unsure"));
}

// Offsets count code points, as the server does; the DOM counts UTF-16 units.
const codePoints = (text) => [...text].length;

function offsetAt(node, units) {
  const piece = node.nodeType === Node.TEXT_NODE && node.parentElement.closest("[data-start]");
  return piece ? Number(piece.dataset.start) + codePoints(node.data.slice(0, units)) : null;
}

// Text nodes that are the record's own, not a label of the page.
function ownNodes(text) {
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  const nodes = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest("[data-start]")) nodes.push(node);
  }
  return nodes;
}

function wordsOf(text) {
  const word = /[\p{L}\p{N}](?:\S*[\p{L}\p{N}\p{M}])?/gu;
  return ownNodes(text).flatMap((node) => [...node.data.matchAll(word)].map((found) => {
    const range = document.createRange();
    range.setStart(node, found.index);
    range.setEnd(node, found.index + found[0].length);
    return { text, range };
  }));
}

// The first and last characters of the selection that are the record's own.
function spanOf(range) {
  const top = range.commonAncestorContainer;
  const text = (top.closest ? top : top.parentElement)?.closest("[data-field]");
  if (!text || range.collapsed) return null;
  let start = null;
  let end = null;
  for (const node of ownNodes(text)) {
    if (!range.intersectsNode(node)) continue;
    const first = node === range.startContainer ? range.startOffset : 0;
    const last = node === range.endContainer ? range.endOffset : node.data.length;
    if (first >= last) continue;
    start ??= offsetAt(node, first);
    end = offsetAt(node, last);
  }
  return start === null ? null : { field: text.dataset.field, start, end };
}

function choose(range) {
  const span = spanOf(range);
  if (!span) return; // Pressing a button empties the selection; what was chosen last still counts.
  selected = { ...span, range, text: ownText(range).trim().slice(0, 60) };
  note.textContent = `Selected: “${selected.text}”`;
}

// What the range holds, without the page's labels.
function ownText(range) {
  const part = range.cloneContents();
  for (const label of part.querySelectorAll("small")) label.remove();
  return part.textContent;
}

function show() {
  field.value = JSON.stringify(marks.map(({ field, start, end, kind }) => ({ field, start, end, kind })));
  list.replaceChildren(...marks.map((mark) => {
    const item = document.createElement("li");
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn btn-outline-secondary btn-sm me-2";
    remove.textContent = "Undo";
    remove.addEventListener("click", () => { unmark(mark); back(); });
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
  const fresh = { ...selected, kind: form.elements.kind.value };
  marks.push(fresh);
  if (fresh.range) highlights?.add(fresh.range);
  done.push(() => unmark(fresh));
  note.textContent = `“${fresh.text}” will be hidden.`;
  selected = null;
  document.getSelection().removeAllRanges();
  show();
}

function unmark(mark) {
  if (mark.range) highlights?.delete(mark.range);
  marks = marks.filter((other) => other !== mark);
  note.textContent = `“${mark.text || "The mark"}” is taken back.`;
  show();
}

function undo() {
  if (!done.length) note.textContent = "Nothing to take back on this page.";
  done.pop()?.();
}

// Back to where the reviewer was in the text.
function back() {
  spot.focus();
}

function step(by) {
  const at = boxes.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : boxes.length - 1) : (at + by + boxes.length) % boxes.length;
  boxes[next]?.focus();
  boxes[next]?.scrollIntoView({ block: "center" });
  caret = -1;
}

// Where the arrow keys begin: at the redaction that has the focus, else at the first word.
function firstWord() {
  const here = document.activeElement;
  const after = words.findIndex(({ range }) =>
    here.name === "reject" && here.compareDocumentPosition(range.startContainer) & Node.DOCUMENT_POSITION_FOLLOWING);
  return Math.max(after, 0);
}

// The word that stands nearest on the next line, up or down.
function onNextLine(by) {
  const here = words[caret].range.getBoundingClientRect();
  let line = null;
  let best = caret;
  let distance = Infinity;
  for (let index = caret + by; words[index]; index += by) {
    const there = words[index].range.getBoundingClientRect();
    if (Math.abs(there.top - here.top) < here.height / 2) continue;
    line ??= there.top;
    if (Math.abs(there.top - line) > here.height / 2) break;
    if (Math.abs(there.left - here.left) >= distance) continue;
    distance = Math.abs(there.left - here.left);
    best = index;
  }
  return best;
}

const arrows = {
  ArrowRight: () => Math.min(caret + 1, words.length - 1),
  ArrowLeft: () => Math.max(caret - 1, 0),
  ArrowDown: () => onNextLine(1),
  ArrowUp: () => onNextLine(-1),
};

function selectWord(key, isExtending) {
  if (!words.length) return;
  const next = caret < 0 ? firstWord() : arrows[key]();
  if (isExtending && caret >= 0 && words[next].text !== words[anchor].text) return;
  if (!isExtending || caret < 0) anchor = next;
  caret = next;
  const range = document.createRange();
  const [first, last] = anchor < caret ? [anchor, caret] : [caret, anchor];
  range.setStart(words[first].range.startContainer, words[first].range.startOffset);
  range.setEnd(words[last].range.endContainer, words[last].range.endOffset);
  document.getSelection().removeAllRanges();
  document.getSelection().addRange(range);
  choose(range.cloneRange()); // the event comes too late for a quick hand
  const place = words[caret].range.getBoundingClientRect();
  if (place.top < 60 || place.bottom > innerHeight - 120) scrollBy(0, place.top - innerHeight / 2);
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  x: () => document.activeElement.name === "reject" && document.activeElement.click(),
  m: mark,
  t: () => form.elements.kind.focus(),
  w: () => form.elements.words.focus(),
  u: undo,
  a: () => form.requestSubmit(),
  n: () => document.getElementById("later")?.click(),
  b: () => document.getElementById("back")?.click(),
  "?": () => document.getElementById("help").toggleAttribute("open"),
};

// In a field keys are typed. Escape leads back to the text; Enter after choosing a kind hides what is selected.
function inField(event) {
  const chosen = event.key === "Enter" && event.target.matches("select");
  if (event.key !== "Escape" && !chosen) return;
  event.preventDefault();
  if (chosen && selected) mark();
  back();
}

document.addEventListener("keydown", (event) => {
  const isHere = form.contains(event.target) || event.target === document.body || event.target.id === "content";
  if (!isHere || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.matches("textarea, select, input:not([type=checkbox])")) {
    inField(event);
  } else if (arrows[event.key]) {
    event.preventDefault();
    selectWord(event.key, event.shiftKey);
  } else if (keys[event.key] && !event.repeat) {
    event.preventDefault();
    keys[event.key]();
  }
});
form.addEventListener("focusin", ({ target }) => {
  if (target.name === "reject" || target.dataset.field) spot = target;
});
form.addEventListener("change", ({ target }) => {
  if (target.name !== "reject") return;
  done.push(() => {
    target.checked = !target.checked;
    target.focus();
  });
});
// A key pressed twice sends once: the second press may be meant for the next record, which is not here yet.
form.addEventListener("submit", (event) => {
  if (isSent) event.preventDefault();
  isSent = true;
});
window.addEventListener("pageshow", () => { isSent = false; });
document.addEventListener("selectionchange", () => {
  const selection = document.getSelection();
  if (selection.rangeCount) choose(selection.getRangeAt(0).cloneRange());
});
document.getElementById("mark").addEventListener("click", () => { mark(); back(); });
for (const id of ["marker", "mark-action"]) document.getElementById(id).hidden = false;
window.CSS?.highlights?.set("marked", highlights);
show();

// Shows where in the record a sentence of a summary rests: its lines light up, and the first comes into view. Where the
// summary is being edited, what is suggested can be taken over into the text.
(() => {
  const light = (sentence) => {
    const numbers = sentence.dataset.lines.split(" ").filter(Boolean);
    const lines = numbers.map((number) => document.getElementById(`line-${number}`));
    document.querySelectorAll(".record-line.is-lit").forEach((line) => line.classList.remove("is-lit"));
    lines.forEach((line) => line.classList.add("is-lit"));
    const box = lines[0]?.closest(".seen");
    // Only the record's own box is scrolled: the page under the reader's eyes stays where it is.
    if (box) box.scrollTop += lines[0].getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
  };
  const onSentence = (event) => {
    const sentence = event.target.closest?.("[data-lines]");
    if (sentence) light(sentence);
  };
  const editor = document.getElementById("decision")?.elements.text;
  const repairs = [...document.querySelectorAll("button[data-from]")];
  const offer = () => repairs.forEach((button) => (button.hidden = !editor?.value.includes(button.dataset.from)));
  repairs.forEach((button) =>
    button.addEventListener("click", () => {
      const { from, to } = button.dataset;
      // With what is left out, the blank before it goes too.
      const whole = !to && editor.value.includes(` ${from}`) ? ` ${from}` : from;
      editor.value = editor.value.replace(whole, () => to).trimStart();
      editor.dispatchEvent(new Event("input", { bubbles: true }));
      editor.focus();
    }),
  );
  editor?.addEventListener("input", offer);
  offer();

  document.addEventListener("mouseover", onSentence);
  document.addEventListener("focusin", onSentence);
})();

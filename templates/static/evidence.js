// Shows where in the record a sentence of a summary rests: its lines light up, and the first comes into view. Where the
// summary is being edited, what is suggested can be taken over into the text. A flagged sentence is explained on request.
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
  const offer = () =>
    document.querySelectorAll("button[data-from]").forEach((button) => (button.hidden = !editor?.value.includes(button.dataset.from)));
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-from]");
    if (!button) return;
    const { from, to } = button.dataset;
    // With what is left out, the blank before it goes too.
    const whole = !to && editor.value.includes(` ${from}`) ? ` ${from}` : from;
    editor.value = editor.value.replace(whole, () => to).trimStart();
    editor.dispatchEvent(new Event("input", { bubbles: true }));
    editor.focus();
  });
  editor?.addEventListener("input", offer);
  offer();

  // An explanation that was asked for takes its own place only: the script that watches the text being saved does not hear
  // of it.
  const alone = (name, then) =>
    document.body.addEventListener(name, (event) => {
      const place = event.target.closest?.(".explain");
      if (!place) return;
      event.stopPropagation();
      then(event, place.querySelector("[aria-live]"));
    });
  alone("htmx:configRequest", ({ detail }) => {
    // Signing in again in another tab changes the CSRF token; the cookie has the newest one.
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
    if (!token) return;
    detail.parameters.delete("csrfmiddlewaretoken");
    detail.headers["X-CSRFToken"] = token;
  });
  alone("htmx:beforeSwap", ({ detail }, place) => {
    detail.shouldSwap = Boolean(detail.xhr.getResponseHeader("X-Precis-Fragment"));
    if (detail.shouldSwap) return;
    place.textContent =
      detail.xhr.status === 200
        ? "You have been signed out. Sign in again in another tab, then press the button once more."
        : "That did not work. Try again in a moment.";
  });
  alone("htmx:afterSwap", offer);
  // What is saved while she types brings its own check along, with other suggestions.
  document.body.addEventListener("htmx:oobAfterSwap", offer);
  document.body.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    const [before, after] = [detail.target, detail.fragment].map((part) => part.querySelector(".left-out"));
    if (before && after) after.open = before.open;
  });
  // A draft that has just come into the portal; htmx has not seen its buttons.
  document.addEventListener("portal:result", (event) => window.htmx.process(event.target));
  alone("htmx:sendError", (_, place) => {
    place.textContent = "Precis does not answer. Try again in a moment; if it lasts, tell your administrator.";
  });

  document.addEventListener("mouseover", onSentence);
  document.addEventListener("focusin", onSentence);
})();

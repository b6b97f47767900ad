// The portal while a summary is written: its words as they come, a button that stops it, and nothing typed is lost when it
// fails. Without this script the same forms are sent as forms, and the page comes back with the whole summary.
(() => {
  const writing = document.getElementById("writing");
  const state = document.getElementById("writing-state");
  const words = document.getElementById("words");
  const stop = document.getElementById("stop");
  const told = document.getElementById("told");
  const result = document.getElementById("result");
  const forms = [...document.querySelectorAll("form[data-stream]")];
  const choices = document.getElementById("choices");
  const READING = "Reading the text. This takes some seconds, and longer for a long record.";
  const WRITING = "Do not use these words yet. Once all are written, each sentence is held against the record.";
  let request = null;

  const say = (title, advice, kind = "danger") => {
    const box = document.createElement("div");
    box.className = `alert alert-${kind}`;
    box.setAttribute("role", kind === "danger" ? "alert" : "status");
    const strong = document.createElement("strong");
    strong.textContent = title;
    box.append(strong, ` ${advice}`);
    result.replaceChildren(box);
    box.scrollIntoView({ block: "nearest" });
  };

  const where = ({ part, parts, reading, draft, drafts }) =>
    [
      parts > 1 && `${reading > 1 ? "Shortening what was written" : "A long record"}: part ${part} of ${parts}.`,
      drafts > 1 && `Draft ${draft} of ${drafts}. The words come when the best one is chosen.`,
    ].filter(Boolean).join(" ");

  const answers = {
    piece: ({ text }) => {
      words.append(text);
      if (state.textContent === READING) state.textContent = WRITING;
    },
    progress: (progress) => (state.textContent = where(progress)),
    checking: () => (state.textContent = "Written. Now each sentence is held against the record."),
    result: ({ html }) => {
      result.innerHTML = html;
      result.dispatchEvent(new Event("portal:result", { bubbles: true }));
    },
    trouble: ({ html }) => {
      result.innerHTML = html;
      result.scrollIntoView({ block: "nearest" });
    },
  };

  // Events come in any cut; each ends with an empty line. Resolves to the name of the last.
  const read = async (body) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let last = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const whole = (rest + next.value).split("\n\n");
      rest = whole.pop();
      for (const each of whole) {
        const [, name, data] = each.match(/^event: (\w+)\ndata: (.*)$/s);
        answers[name](JSON.parse(data));
        last = name;
      }
    }
    return last;
  };

  const asked = (form, button) => {
    const data = new FormData(form, button);
    for (const field of choices.querySelectorAll("select, input:checked")) data.set(field.name, field.value);
    // Signing in again in another tab changes the CSRF token; the cookie has the newest one.
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
    if (token) data.set("csrfmiddlewaretoken", token);
    return data;
  };

  const write = async (form, button) => {
    const { signal } = request;
    try {
      const answer = await fetch(form.dataset.stream, { method: "POST", body: asked(form, button), redirect: "manual", signal });
      const isStream = answer.headers.get("Content-Type")?.startsWith("text/event-stream");
      if (answer.type === "opaqueredirect") say("You have been signed out.", "Sign in again in another tab, then come back and press the button once more. Your text is still here.");
      else if (!isStream) say("That did not work.", "Your text is still in the box. A very long text must be summarized in parts; otherwise try again in a moment.");
      else if (!["result", "trouble"].includes(await read(answer.body))) throw new Error("The answer broke off.");
    } catch {
      if (signal.aborted) say("Stopped.", "What was written so far was taken away. Your text is still in the box.", "info");
      else say("Precis does not answer.", `${words.textContent && "The unfinished words were taken away. "}Your text is still in the box. Try again in a moment; if it lasts, tell your administrator.`);
    }
  };

  const show = (isWriting) => {
    writing.hidden = !isWriting;
    // Not disabled: that would take the focus from the button that was pressed.
    for (const form of forms) for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", isWriting);
  };

  const begin = () => {
    request = new AbortController();
    words.replaceChildren();
    result.replaceChildren();
    state.textContent = READING;
    told.textContent = "The summary is being written. The Escape key stops it.";
    show(true);
    writing.scrollIntoView({ block: "nearest" });
  };

  const end = (button) => {
    told.textContent = result.querySelector(".draft") ? "The draft is written. It stands above the records." : "";
    if (document.activeElement === stop) button.focus({ preventScroll: true });
    show(false);
    words.replaceChildren();
    request = null;
  };

  for (const form of forms) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (request) return;
      begin();
      await write(form, event.submitter);
      end(event.submitter);
    });
  }
  stop.addEventListener("click", () => request?.abort());
  document.addEventListener("keydown", (event) => {
    // In a field, or while the menu is open, the key has a meaning of its own.
    const isTaken = event.target.closest("input, select, textarea") || document.querySelector(":popover-open");
    if (event.key === "Escape" && !isTaken) request?.abort();
  });
})();

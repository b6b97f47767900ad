// Deciding about a draft by keyboard, and saving what is typed while it is typed. Nothing is kept in the browser:
// others may sit at this machine after her. Without this script the buttons do the same work.
(() => {
  const form = document.getElementById("decision");
  const print = document.getElementById("print");
  print.hidden = false;
  print.addEventListener("click", () => window.print());
  if (!form) return;

  const text = form.elements.text;
  const state = document.getElementById("edit-state");
  let saved = text.value;
  let sending = saved;
  let isLeaving = false;
  // After the browser has gone to the fragment, which takes the focus away.
  window.addEventListener("load", () => { if (location.hash === "#decision") text.focus(); });

  const notSaved = (advice) => {
    const box = document.createElement("p");
    box.className = "alert alert-danger";
    box.setAttribute("role", "alert");
    const strong = document.createElement("strong");
    strong.textContent = "Not saved.";
    box.append(strong, ` ${advice}`);
    state.replaceChildren(box);
  };

  document.addEventListener("htmx:configRequest", (event) => {
    sending = text.value;
    // Signing in again in another tab changes the CSRF token; the cookie has the newest one.
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
    if (!token) return;
    event.detail.parameters.delete("csrfmiddlewaretoken");
    event.detail.headers["X-CSRFToken"] = token;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.getResponseHeader("X-Precis-Fragment")) {
      saved = sending;
      return;
    }
    event.detail.shouldSwap = false;
    if (xhr.status === 200) notSaved("You have been signed out. Sign in again in another tab, come back and type on: your text is still here.");
    else notSaved("Your text is still here. Type on to try again; if it lasts, tell your administrator.");
  });

  document.addEventListener("htmx:sendError", () =>
    notSaved("Precis does not answer. Your text is still here. Type on to try again; if it lasts, tell your administrator."),
  );

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    event.preventDefault();
    form.requestSubmit(document.getElementById("accept"));
  });

  // A key pressed twice sends once.
  form.addEventListener("submit", (event) => {
    if (isLeaving) event.preventDefault();
    isLeaving = true;
  });
  window.addEventListener("pageshow", () => { isLeaving = false; });
  window.addEventListener("beforeunload", (event) => {
    if (!isLeaving && text.value !== saved) event.preventDefault();
  });
})();

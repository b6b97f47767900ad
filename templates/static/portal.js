// The portal without losing what was typed: a request that fails says so above the box and leaves the box alone.
(() => {
  const result = document.getElementById("result");

  const say = (title, advice) => {
    const box = document.createElement("div");
    box.className = "alert alert-danger";
    box.setAttribute("role", "alert");
    const strong = document.createElement("strong");
    strong.textContent = title;
    box.append(strong, ` ${advice}`);
    result.replaceChildren(box);
    box.scrollIntoView({ block: "nearest" });
  };

  // Signing in again in another tab changes the CSRF token; the cookie has the newest one.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
    if (!token) return;
    event.detail.parameters.delete("csrfmiddlewaretoken");
    event.detail.headers["X-CSRFToken"] = token;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.getResponseHeader("X-Precis-Fragment")) {
      event.detail.shouldSwap = true;
      return;
    }
    event.detail.shouldSwap = false;
    if (xhr.status === 200) say("You have been signed out.", "Sign in again in another tab, then come back and press the button once more. Your text is still here.");
    else say("That did not work.", "Your text is still in the box. A very long text must be summarized in parts; otherwise try again in a moment.");
  });

  document.addEventListener("htmx:sendError", () =>
    say("Precis does not answer.", "Your text is still in the box. Try again in a moment; if it lasts, tell your administrator."),
  );

  document.addEventListener("htmx:afterSwap", () => result.scrollIntoView({ block: "start" }));
})();

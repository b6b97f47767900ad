// The print button; without JavaScript the browser's own menu prints as well.
const print = document.querySelector("[data-print]");
print.hidden = false;
print.addEventListener("click", () => window.print());

// Buttons that copy the text of the element whose id they name in data-copy. Without this script they stay hidden.
(() => {
  const copyButtons = () => document.querySelectorAll("[data-copy]").forEach((button) => (button.hidden = false));

  const copy = async (button) => {
    const text = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(text.innerText);
    } catch {
      // Browsers give the clipboard to HTTPS and localhost only; elsewhere the old way works.
      getSelection().selectAllChildren(text);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("portal:result", copyButtons);
  copyButtons();
})();

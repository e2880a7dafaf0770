// A menu made of <details data-closes> closes on Escape and on a click beside it. Without this
// script it still opens and closes by its own button.
const openMenus = () => document.querySelectorAll("details[data-closes][open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    const hadFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (hadFocus) menu.querySelector("summary").focus();
  }
});

// A button that copies a field into the clipboard, where there is one. Without it the field can
// still be selected.
for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copies);
    field.select();
    await navigator.clipboard.writeText(field.value);
    document.getElementById(button.dataset.says).textContent = button.dataset.done;
  });
}

// What is kept for when there is no network: see worker.js. Where a browser has no room for it,
// pages need the network, as they do without.
navigator.serviceWorker?.register("/sw.js").catch((reason) => console.info(reason.message));

// A copy that was shown for want of a network gives way to the page itself, once the server answers:
// that a network is there again does not yet mean that it leads anywhere.
if (document.querySelector("[data-offline]:not([hidden])")) {
  const lookAgain = async () => {
    const answer = await fetch("/sw.js", { method: "HEAD", cache: "no-store" }).catch(() => null);
    if (answer?.ok) window.location.reload();
  };
  window.addEventListener("online", lookAgain);
  setInterval(lookAgain, 5000);
}

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

// Parts that live ask for themselves again, at each turn as long as something happens, then at every second,
// third … sixth: whose turn comes every ten seconds, after a quarter of an hour once a minute. Out of sight
// they do not ask at all, and at once when they are looked at again.
let quiet = 0;
let turn = 0;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.target.matches("[data-live]")) return;
  turn += 1;
  if (document.hidden || turn % Math.min(1 + Math.floor(quiet / 6), 6)) event.preventDefault();
});

// Before the swap: afterwards the part that asked is no longer on the page.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.target.matches("[data-live]")) quiet = event.detail.xhr.status === 200 ? 0 : quiet + 1;
});

document.addEventListener("htmx:sendError", (event) => {
  if (event.target.matches("[data-live]")) quiet += 1;
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  quiet = 0;
  for (const part of document.querySelectorAll("[data-live]")) htmx.trigger(part, "look");
});

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

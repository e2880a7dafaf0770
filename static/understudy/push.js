// Lets the reader be told on this device. Nothing is asked before the button is pressed.
(() => {
  const form = document.querySelector("form[data-push]");
  if (!("PushManager" in window && "Notification" in window && navigator.serviceWorker)) return;

  const show = (state) => {
    for (const part of form.querySelectorAll("[data-when]")) {
      part.hidden = !part.dataset.when.split(" ").includes(state);
    }
    form.hidden = false;
  };

  const mark = async (endpoint) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const send = async (address, fields) => {
    const data = new FormData(form);
    for (const [name, value] of Object.entries(fields)) data.set(name, value);
    const answer = await fetch(address, { method: "POST", body: data });
    if (!answer.ok) throw new Error(`${address} ${answer.status}`);
  };

  const add = async (manager) => {
    const key = form.dataset.push;
    const held = await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    const { endpoint, keys } = held.toJSON();
    await send(form.action, { endpoint, ...keys, server_key: key });
    return held;
  };

  const start = async () => {
    const manager = (await navigator.serviceWorker.ready).pushManager;
    let held = await manager.getSubscription();
    // Another reader's, or made for a key that the server has no more.
    if (held && !form.dataset.marks.split(" ").includes(await mark(held.endpoint))) {
      await held.unsubscribe();
      held = null;
    }
    if (held || Notification.permission !== "denied") show(held ? "on" : "off");

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        if (held) {
          await send(form.dataset.forget, { endpoint: held.endpoint });
          await held.unsubscribe();
          held = null;
        } else if ((await Notification.requestPermission()) === "granted") {
          held = await add(manager);
        }
        show(held ? "on" : Notification.permission === "denied" ? "denied" : "off");
      } catch (reason) {
        console.info(reason.message);
        show("failed");
      }
    });
  };

  start();
})();

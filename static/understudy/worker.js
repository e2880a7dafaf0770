// Everything comes from the network while there is one: nothing online is ever older than the
// server's answer. Kept for the rest are the files that each page needs, a page that says so, and
// the reader's own week as last seen. /sw.js sets the names in capitals, and loads this.
const files = `files-${VERSION}`;
const own = "own";
const week = "/week/";

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(tidy()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.mode === "navigate") {
    if (request.method === "GET") event.respondWith(page(event));
    else if (path.endsWith("/logout/")) event.waitUntil(forget());
  } else if (request.method === "GET" && FILES.includes(path)) {
    event.respondWith(fetch(request).catch(() => caches.match(path)));
  }
});

self.addEventListener("push", (event) => {
  const { title, body, tag, url } = event.data.json();
  const shown = { body, tag, renotify: true, data: url, icon: ICON };
  event.waitUntil(self.registration.showNotification(title, shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data));
});

async function install() {
  const cache = await caches.open(files);
  await cache.addAll(FILES);
  // As nobody: what every visitor of this device may see.
  await cache.put(OFFLINE, await fetch(OFFLINE, { credentials: "omit" }));
  await self.skipWaiting();
}

async function tidy() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => ![files, own].includes(name)).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function page(event) {
  let response;
  try {
    response = await fetch(event.request);
  } catch {
    return (await lastWeek()) ?? caches.match(OFFLINE);
  }
  event.waitUntil(remember(response.clone()));
  return response;
}

// Keeps the week, and drops it as soon as a page was made for somebody else, or for nobody.
async function remember(response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.startsWith("text/html") || response.status >= 500) return;
  const cache = await caches.open(own);
  if (response.headers.get("Understudy-Keep") === "week") return cache.put(week, response);
  const kept = await cache.match(week);
  const reader = (answer) => answer.headers.get("Understudy-Reader");
  if (kept && reader(kept) !== reader(response)) await cache.delete(week);
}

// Whoever signs out leaves neither their week nor their notifications on the device.
async function forget() {
  await caches.delete(own);
  await (await self.registration.pushManager?.getSubscription())?.unsubscribe();
}

async function lastWeek() {
  const kept = await (await caches.open(own)).match(week);
  if (!kept) return undefined;
  const text = await kept.text();
  return new Response(text.replace(" hidden data-offline", " data-offline"), { headers: kept.headers });
}

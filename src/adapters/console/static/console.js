"use strict";
// What must be asked twice before it is done.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
// The token of a letter stands behind the #, where no server and no proxy writes it down.
const token = document.getElementById("f-token");
if (token && window.location.hash.startsWith("#token=")) {
  token.value = window.location.hash.slice("#token=".length);
  window.history.replaceState(null, "", window.location.pathname);
}
// A dropped connection says so, and says when it is back.
const offline = () => document.getElementById("offline");
const say = (gone) => { const bar = offline(); if (bar) bar.hidden = !gone; };
window.addEventListener("offline", () => say(true));
window.addEventListener("online", () => say(false));
document.addEventListener("htmx:sendError", () => say(true));
document.addEventListener("htmx:sseError", () => say(true));
document.addEventListener("htmx:sseOpen", () => say(false));
document.addEventListener("htmx:afterOnLoad", () => say(false));
// When a live page has been told everything, what can be done with it has changed: those parts are put in anew.
// The page itself is not loaded again where it says which they are: that would undo a click of this moment.
document.addEventListener("htmx:sseClose", async (event) => {
  if (event.detail.type !== "message") return;
  const parts = document.querySelectorAll("[data-anew]");
  const answer = parts.length ? await fetch(window.location.href).catch(() => null) : null;
  if (!answer || !answer.ok) return window.location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const successor = fresh.getElementById(part.id);
    if (!successor) continue;
    part.replaceWith(successor);
    window.htmx.process(successor);
  }
});

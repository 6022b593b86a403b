// What only Connect does by script: answers its host's pings, opens the bank's page, leaves for the app at the end.
"use strict";

(() => {
  const PATIENCE = 2500; // ms for the first ping: a host pings each second
  const TYPING = 500; // ms after the last key
  const framed = window.parent !== window;
  const held = []; // messages that nobody has asked for yet
  let host = null, origin = "", waiting = framed || window.opener !== null;

  // the host: it is known by its first ping, and every ping is answered

  function post(message) {
    host.postMessage(message, origin === "null" ? "*" : origin);
  }

  function send(message) {
    if (!framed && message.type === "url") goToBank(message.url);
    else if (!framed && message.type === "closePopup") return; // the bank's page was this window
    else if (host) post(message);
    else held.push(message);
  }

  function sendHeld() {
    waiting = false;
    held.splice(0).forEach(send);
  }

  Kit.senders.splice(0, Kit.senders.length, ({ post: message }) => (waiting ? held.push(message) : send(message)));
  setTimeout(sendHeld, PATIENCE); // the way to the bank does not depend on a host

  window.addEventListener("message", ({ source, origin: from, data }) => {
    if (source === window || (source !== window.parent && source !== window.opener)) return;
    if (data?.type === "ping") {
      [host, origin] = [source, from];
      post({ type: "ack" });
      sendHeld();
    }
    if (data?.type === "window" && data.closed) {
      const blocked = document.querySelector("[data-blocked]");
      if (blocked && data.blocked) blocked.hidden = false;
      Kit.look();
    }
  });

  // the bank's page: in a window of the host's, or in this one, which comes back

  function goToBank(url) {
    const address = new URL(url);
    address.searchParams.set("here", "yes");
    location.href = address;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-bank]");
    if (!link || (framed && !host)) return; // without a host the link opens a window of its own
    event.preventDefault();
    Kit.send({ post: { type: "url", url: link.href } });
  });

  // a search counts when nobody types any more

  let typing = 0;
  document.addEventListener("input", ({ target }) => {
    const form = target.closest("[data-search]");
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => {
      if (form.isConnected) Kit.go(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }, true);
    }, TYPING);
  });

  // the end: an SDK takes the page away; without one the browser goes to the app's own address

  Kit.arrivals.push((body) => {
    const { redirect } = body.dataset;
    if (redirect) setTimeout(() => { if (!host) location.href = redirect; }, waiting ? PATIENCE : 0);
  });
})();

// What every page of a provider does by script. Without it the forms work, too; with it a step takes the place of the
// one before without a new document, the host is told, and a lost connection is waited for.
"use strict";

const Kit = (() => {
  const arrivals = []; // called with the body after each step, also the first
  const senders = [post]; // called with each message for the host, see PageRequest.render
  let polling = 0;

  // messages to the host

  function post(message) {
    if (!("post" in message)) return;
    for (const host of new Set([window.parent, window.opener])) {
      if (host && host !== window) host.postMessage(message.post, document.body.dataset.target || "*");
    }
  }

  function send(message) {
    if ("go" in message) location.href = message.go; // an app takes it from its webview's navigation
    else for (const sender of senders) sender(message);
  }

  // from step to step

  // Without an answer, or with one of a server (or a proxy before it) that cannot serve now, the same is asked again: no
  // click is lost, nor what is typed. A page of ours that is broken has 500.
  async function ask(url, options = {}) {
    for (let pause = 500; ; pause = Math.min(pause * 2, 5000)) {
      const asked = { ...options, headers: { "X-Page-Script": "1" }, credentials: "same-origin" };
      const answer = await fetch(url, asked).catch(() => null);
      const lost = !answer || answer.status === 408 || answer.status > 500;
      document.getElementById("lost").hidden = !lost;
      if (!lost) return answer;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async function show(answer, polled = false) {
    const step = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!step.body.dataset.target) { location.reload(); return; } // no page of ours
    const { state, messages } = step.body.dataset;
    if (polled && state && state === document.body.dataset.state) { // only the host hears of something: nothing moves
      document.body.dataset.messages = messages;
      tell();
      poll();
      return;
    }
    tell(); // of a page that is left before all of it has been read
    const open = document.getElementById("sandbox")?.open;
    document.title = step.title;
    document.body.replaceWith(document.adoptNode(step.body));
    const line = document.getElementById("sandbox");
    if (line && open) line.open = true;
    arrive();
    (document.querySelector("[autofocus]") ?? document.querySelector("h1"))?.focus();
    window.scrollTo(0, 0);
  }

  // One after the other: an answer that is overtaken by another one would be lost, with what the host is told by it.
  let latest = Promise.resolve();
  function inTurn(work) {
    latest = latest.then(work, work);
    return latest;
  }

  function go(url, options, polled = false) {
    clearTimeout(polling);
    return inTurn(async () => show(await ask(url, options), polled));
  }

  function poll() {
    clearTimeout(polling);
    const { poll: url, pollEvery } = document.body.dataset;
    if (!url) return;
    polling = setTimeout(look, Number(pollEvery || 500));
  }

  function look() { // asks at once
    clearTimeout(polling);
    return inTurn(async () => {
      const url = document.body.dataset.poll;
      if (!url) return;
      const answer = await ask(url);
      if (answer.status === 204) poll();
      else await show(answer, true);
    });
  }

  function tell() {
    const messages = JSON.parse(document.body.dataset.messages || "[]");
    document.body.dataset.messages = "[]";
    messages.forEach((message, place) => {
      if ("go" in message) setTimeout(send, 30 * place, message); // each navigation would end the one before it
      else send(message);
    });
  }

  function sendNext(message) { // after what the page itself tells, which may not all be read yet
    tell();
    send(message);
  }

  function arrive() {
    tell();
    for (const arrived of arrivals) arrived(document.body);
    if (document.body.dataset.leave) location.href = document.body.dataset.leave;
    else poll();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (form.dataset.plain !== undefined || event.defaultPrevented) return;
    event.preventDefault();
    if (form.dataset.sent) return;
    const fields = new URLSearchParams(new FormData(form, button));
    const get = form.method === "get";
    if (!get) {
      form.dataset.sent = "yes";
      for (const each of form.querySelectorAll("button")) each.disabled = true;
    }
    go(get ? `${form.action}?${fields}` : form.action, get ? {} : { method: "POST", body: fields });
  });

  // a field that is missing is told beside it, in the page's language

  document.addEventListener("invalid", (event) => {
    const field = event.target;
    if (!field.dataset.required) return;
    event.preventDefault();
    let told = field.parentNode.querySelector(".wrong");
    if (!told) {
      told = Object.assign(document.createElement("span"), { className: "wrong", id: `${field.id}-wrong` });
      told.setAttribute("role", "alert");
      field.after(told);
    }
    told.textContent = field.dataset.required;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", told.id);
    field.form.querySelector(":invalid")?.focus();
  }, true);

  document.addEventListener("input", (event) => {
    const told = event.target.parentNode.querySelector?.(".wrong");
    if (told) {
      told.remove();
      event.target.removeAttribute("aria-invalid");
    }
    if (event.target.dataset.live) narrow(event.target);
  });

  // a list that narrows while somebody types: <input data-live=ADDRESS>, <... id="results">

  let narrowing = 0;
  function narrow(input) {
    clearTimeout(narrowing);
    narrowing = setTimeout(async () => {
      const asked = input.value;
      const answer = await ask(`${input.dataset.live}?${new URLSearchParams({ q: asked })}`);
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("results");
      if (found && input.isConnected && input.value === asked) {
        document.getElementById("results").replaceWith(document.adoptNode(found));
      }
    }, 120);
  }

  // the sandbox line, and windows that close themselves

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (button && "close" in button.dataset) window.close();
    if (button?.dataset.fill) fill(JSON.parse(button.dataset.fill));
    const clock = button?.closest("[data-advance]");
    if (clock) {
      button.disabled = true;
      const { by, to } = button.dataset;
      await fetch(clock.dataset.advance, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(by ? { by } : { to }),
      });
      go(location.href);
    }
  });

  function fill(values) {
    for (const [name, value] of Object.entries(values)) {
      for (const field of document.getElementsByName(name)) {
        if (field.type === "radio" || field.type === "checkbox") field.checked = field.value === value;
        else field.value = value;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
    document.querySelector("[data-testid=submit]")?.focus();
  }

  document.addEventListener("DOMContentLoaded", arrive);
  return { arrivals, senders, send: sendNext, go, look };
})();

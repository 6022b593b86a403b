// The API's page: a search narrows the calls, forms make them. It stands on dashboard.js.
"use strict";

const search = document.querySelector("[name=q]");

function narrow() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const each of document.querySelectorAll("[data-words]")) each.hidden = !words.every((word) => each.dataset.words.includes(word));
  for (const each of document.querySelectorAll("[data-group]")) each.hidden = !each.querySelector("[data-words]:not([hidden])");
  document.getElementById("nothing").hidden = document.querySelector("[data-group]:not([hidden])") !== null;
}
search.addEventListener("input", narrow);
narrow(); // the browser may have kept what was typed

// What a form asks for: fields that the route names belong into it, what is empty is left out.
function requestOf(form) {
  const {method, route, takes} = form.dataset;
  const asked = new URLSearchParams();
  let path = route;
  for (const [name, text] of new FormData(form)) {
    if (route.includes(`{${name}}`)) path = text ? path.replace(`{${name}}`, encodeURIComponent(text)) : path;
    else if (text) asked.set(name, text);
  }
  const body = form.querySelector("[data-body]")?.value.trim() || undefined;
  return {method, url: root + path + (asked.size ? `?${asked}` : ""), body, type: takes};
}

document.addEventListener("input", ({target}) => {
  const form = target.closest("form[data-try]");
  if (!form) return;
  const {method, url, body, type} = requestOf(form);
  const text = command(method, location.origin + url, body, type);
  form.querySelector("[data-command]").textContent = text;
  form.closest("article").querySelector("[data-copy]").dataset.copy = text;
});

// An answer for people: JSON indented, other text as it is.
function shown(answer, text) {
  return /json/.test(answer.headers.get("Content-Type")) ? JSON.stringify(JSON.parse(text), null, 2) : text;
}

async function attempt(form) {
  const {method, url, body, type} = requestOf(form);
  const place = form.querySelector("[data-answer]");
  const status = Object.assign(document.createElement("span"), {className: "badge"});
  const content = Object.assign(document.createElement("pre"), {tabIndex: 0});
  try {
    const answer = await fetch(url, {method, body, headers: body ? {"Content-Type": type} : {}});
    status.classList.add(answer.ok ? "good" : "trouble");
    status.textContent = `${answer.status} ${answer.statusText}`.trim();
    content.textContent = shown(answer, await answer.text());
    tell("");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    tell("The server does not answer.", true);
    return;
  }
  place.replaceChildren(status, ...(content.textContent ? [content] : []));
}

document.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-try]")) return;
  event.preventDefault();
  const button = event.target.querySelector("button.main");
  button.disabled = true;
  await attempt(event.target);
  button.disabled = false;
});

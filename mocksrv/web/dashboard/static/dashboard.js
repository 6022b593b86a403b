// The dashboard's script: buttons make control calls, the stream brings the page up to date, keys move about.
"use strict";

const root = document.body.dataset.root;
const GATHERED = 100; // ms between two refreshes; the first one comes at once
const BUSY = 20; // events since the last refresh; after more of them
const RESTED = 2000; // ms pass before the next, so that dashboards that are open cost busy servers little
const KINDS = ["open", "status", "play", "event", "delivery", "attempt", "call", "change", "missed"];
const told = document.getElementById("told");
let stream = null;
let paused = false;
let refreshed = 0;
let heard = 0;
let pace = GATHERED;
let timer = null;
let asked = 0;

function tell(text, trouble = false) {
  told.textContent = text;
  told.classList.toggle("trouble", trouble);
  told.hidden = !text;
}

// Puts what the server shows now into the parts that live; what is open there stays open, what has the focus keeps it.
async function refresh() {
  timer = null;
  refreshed = performance.now();
  pace = heard > BUSY ? RESTED : GATHERED;
  heard = 0;
  const mine = ++asked;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer || mine !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== asked) return;
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.innerHTML === part.dataset.shown) continue;
    const open = [...part.querySelectorAll("details")].map((each) => each.open);
    const focused = part.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
    part.dataset.shown = fresh.innerHTML;
    part.replaceChildren(...fresh.childNodes);
    part.querySelectorAll("details").forEach((each, place) => { each.open = open[place] ?? false; });
    if (focused) part.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
  }
}

function soon() {
  heard += 1;
  if (paused || timer !== null) return;
  timer = setTimeout(refresh, Math.max(0, refreshed + pace - performance.now()));
}

// A browser opens six connections to a host: a tab that nobody sees has none.
function listen() {
  const wanted = !document.hidden && !paused;
  if (wanted === (stream !== null)) return;
  if (!wanted) {
    stream.close();
    stream = null;
    return;
  }
  stream = new EventSource(`${root}/stream`);
  for (const kind of KINDS) stream.addEventListener(kind, soon);
  stream.addEventListener("open", () => tell(""));
  stream.addEventListener("error", () => tell("The connection is lost; this goes on when the server is back.", true));
}

async function call(button) {
  const {method, path, body} = button.dataset;
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  const headers = body ? {"Content-Type": "application/json"} : {};
  button.disabled = true;
  try {
    const answer = await fetch(root + path, {method, headers, body});
    const text = answer.ok ? "" : (await answer.json()).detail;
    tell(text, !answer.ok);
  } catch {
    tell("The server does not answer.", true);
  }
  button.disabled = false;
  const menu = button.closest("details.menu");
  if (menu) location.reload();
  else await refresh();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.method) await call(button);
  if (button?.dataset.editor) await edit(button.dataset.editor);
  if (button?.dataset.copy) {
    await navigator.clipboard.writeText(button.dataset.copy).then(() => tell("Copied."), () => tell(button.dataset.copy));
  }
});

// The editor of a scenario: what is wrong stands below it, each fault leads to its line.
const source = document.getElementById("source");
const problems = document.getElementById("problems");

async function send(method, path) {
  const headers = {"Content-Type": "text/yaml"};
  const answer = await fetch(root + path, {method, headers, body: source.value});
  return {ok: answer.ok, ...await answer.json()};
}

function line(text, kind, number) {
  const row = document.createElement("li");
  row.className = kind;
  row.append(number ? Object.assign(document.createElement("button"), {type: "button", textContent: `Line ${number}`}) : "", ` ${text}`);
  row.firstElementChild?.addEventListener("click", () => mark(number));
  problems.append(row);
}

function mark(number) {
  const lines = source.value.split("\n");
  const start = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
  source.focus();
  source.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
  source.scrollTop = (number - 5) * source.scrollHeight / lines.length;
}

async function edit(act) {
  let checked;
  try {
    checked = await send("POST", "/scenarios/validate");
    if (act === "save" && checked.valid) {
      const saved = await send("PUT", `/scenarios/${checked.provider}/${encodeURIComponent(checked.name)}`);
      if (saved.ok) {
        location.assign(`${root}/dashboard/scenarios/${checked.provider}/${encodeURIComponent(checked.name)}`);
        return;
      }
      checked = {problems: saved.problems ?? [{message: saved.detail}]};
    }
  } catch {
    tell("The server does not answer.", true);
    return;
  }
  problems.replaceChildren();
  for (const each of checked.problems ?? [{message: checked.detail}]) line(each.message, "", each.line);
  if (checked.valid) line(`${checked.name} is a scenario of ${checked.provider}.`, "good");
  else if (checked.problems?.[0]?.line) mark(checked.problems[0].line);
}

function pause() {
  paused = !paused;
  document.getElementById("pause").setAttribute("aria-pressed", String(paused));
  listen();
  if (!paused) refresh();
}

function move(step) {
  const rows = [...document.querySelectorAll(".rows a")];
  const place = rows.indexOf(document.activeElement);
  const from = place < 0 ? rows.findIndex((each) => each.hasAttribute("aria-current")) : place;
  rows[Math.min(rows.length - 1, Math.max(0, from + step))]?.focus();
}

const help = document.getElementById("help");
const KEYS = {
  "/": () => document.querySelector("[name=q]").focus(),
  j: () => move(1),
  k: () => move(-1),
  a: () => document.querySelector('[data-testid="advance-next"]')?.click(),
  p: pause,
  "?": () => help.showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea") || help.open) return;
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

function scheme(wanted) {
  document.documentElement.dataset.scheme = wanted;
}
scheme(localStorage.getItem("mocksrv.scheme") ?? "browser");
document.getElementById("scheme").addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const now = document.documentElement.dataset.scheme;
  const wanted = (now === "browser" ? dark : now) === "dark" ? "light" : "dark";
  localStorage.setItem("mocksrv.scheme", wanted);
  scheme(wanted);
});
document.getElementById("pause").addEventListener("click", pause);
document.getElementById("keys").addEventListener("click", () => help.showModal());
document.addEventListener("visibilitychange", () => { listen(); if (!document.hidden) soon(); });
listen();

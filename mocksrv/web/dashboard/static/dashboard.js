// The dashboard's script: buttons make control calls, the stream brings the page up to date, keys move about.
"use strict";

const root = document.body.dataset.root;
const GATHERED = 100; // ms between two refreshes at least; the server says how long to rest, so that many cost it little
const PATIENCE = 15_000; // ms for an answer; the next refresh does not wait any longer
const LOST = "The connection is lost; this goes on when the server is back.";
const KINDS = ["open", "status", "play", "event", "delivery", "attempt", "call", "change", "missed"];
const told = document.getElementById("told");
let paused = false;
let refreshed = 0;
let pace = GATHERED;
let timer = null;
let latest = Promise.resolve(); // of the refreshes, which wait for one another: one that is overtaken would show nothing
let waiting = 0; // refreshes that have not begun

function tell(text, trouble = false) {
  told.textContent = text;
  told.classList.toggle("trouble", trouble);
  told.hidden = !text;
}

function refresh() {
  timer = null;
  waiting += 1;
  latest = latest.then(renew, renew);
  return latest;
}

// Puts what the server shows now into the parts that live; what is open there stays open, what has the focus keeps it.
async function renew() {
  waiting -= 1;
  refreshed = performance.now();
  const asked = {headers: {"X-Page-Script": "1"}, signal: AbortSignal.timeout(PATIENCE)};
  const answer = await fetch(location.href, asked).catch(() => null);
  const text = await answer?.text().catch(() => null);
  if (!text) return;
  pace = Math.max(GATHERED, Number(answer.headers.get("X-Mocksrv-Rest")));
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.innerHTML === part.dataset.shown) continue;
    const open = [...part.querySelectorAll("details")].map((each) => each.open);
    const focused = part.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
    part.dataset.shown = fresh.innerHTML;
    part.replaceChildren(...fresh.childNodes);
    part.querySelectorAll("details").forEach((each, place) => { each.open = open[place] ?? false; });
    if (focused) part.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
    light();
  }
}

// Where a diagram is larger than its frame, the present state is in sight.
function light() {
  const lit = document.querySelector(".diagram .lit");
  if (!lit) return;
  const {x, y, width, height} = lit.getBBox();
  const frame = lit.closest(".diagram");
  frame.scrollTo(Math.max(0, x + 2 * width - frame.clientWidth), Math.max(0, y + 2 * height - frame.clientHeight));
}

function soon() {
  if (paused || timer !== null || waiting) return;
  timer = setTimeout(refresh, Math.max(0, refreshed + pace - performance.now()));
}

// A browser opens six connections to a host. So one tab of all that show this sandbox has the stream, and tells the
// others; which one is settled by a lock, where the browser has locks (on this machine, and by HTTPS). A tab that nobody
// sees has none.
const channel = new BroadcastChannel(`mocksrv ${root}`);
let leave = null; // gives up the stream, or the place in the queue for it

const HEARD = {
  happened: soon,
  open: () => { if (told.textContent === LOST) tell(""); }, // what a call was answered with stays
  lost: () => tell(LOST, true),
};
channel.addEventListener("message", ({data}) => HEARD[data]());

function hear(what) {
  HEARD[what]();
  channel.postMessage(what);
}

function stream() {
  const events = new EventSource(`${root}/stream`);
  for (const kind of KINDS) events.addEventListener(kind, () => hear("happened"));
  events.addEventListener("open", () => hear("open"));
  events.addEventListener("error", () => hear("lost"));
  return events;
}

function listen() {
  const wanted = !document.hidden && !paused;
  if (wanted === (leave !== null)) return;
  if (!wanted) {
    leave();
    leave = null;
    return;
  }
  const left = new AbortController();
  leave = () => left.abort();
  const lead = () => new Promise((done) => {
    const events = stream();
    left.signal.addEventListener("abort", () => { events.close(); done(); });
  });
  if (navigator.locks) navigator.locks.request(`mocksrv ${root}`, {signal: left.signal}, lead).catch(() => {}); // it has left
  else lead();
}

// What the server says to a call; null where it refuses, which is told.
async function ask(method, url, body, headers = {}) {
  try {
    const answer = await fetch(url, {method, body, headers: body ? {"Content-Type": "application/json", ...headers} : headers});
    const text = await answer.text();
    const said = text ? JSON.parse(text) : {};
    tell(answer.ok ? "" : said.detail ?? text, !answer.ok);
    return answer.ok ? said : null;
  } catch {
    tell("The server does not answer.", true);
    return null;
  }
}

async function call(button) {
  const {method, path, body} = button.dataset;
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  button.disabled = true;
  await ask(method, (button.dataset.root ?? root) + path, body);
  button.disabled = false;
  if (button.closest("details.menu")) location.reload();
  else await refresh();
}

// Makes calls one after the other; what one keeps of its answer stands in the next ones as {name}.
async function callAll(button) {
  const kept = {time: Math.floor(Date.now() / 1000)};
  const filled = (text) => text.replace(/\{(\w+)\}/g, (_, name) => kept[name]);
  button.disabled = true;
  for (const {method, path, body, headers, keeps} of JSON.parse(button.dataset.calls)) {
    const answer = await ask(method, button.dataset.sandbox + filled(path), body ? filled(JSON.stringify(body)) : undefined,
      JSON.parse(filled(JSON.stringify(headers))));
    if (!answer) break;
    for (const [name, members] of Object.entries(keeps)) kept[name] = members.split(".").reduce((value, member) => value[member], answer);
  }
  button.disabled = false;
  await refresh();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.method) await call(button);
  if (button?.dataset.calls) await callAll(button);
  if (button?.dataset.editor) await edit(button.dataset.editor);
  if (button?.dataset.copy) await copy(button.dataset.copy);
  if (button?.matches("[data-curl]")) {
    const text = await said(() => button.form ? curlOf(button.form) : curlOfEditor(button.dataset.curl));
    if (text) await copy(text);
  }
});

// Forms are sent as JSON. What is empty is left out; `data-reads` says what a field's text means.
const READS = {
  text: (text) => text,
  words: (text) => text.split(/[\s,]+/).filter(Boolean),
  number: (text) => Number(text),
  flag: () => true,
  lines: (text) => Object.fromEntries(text.split("\n").filter((line) => line.includes(":")).map((line) =>
    [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()])),
  json: (text) => JSON.parse(text),
};

function read(form) {
  const body = {};
  for (const [name, text] of new FormData(form)) {
    if (!text.trim()) continue;
    const [outer, inner] = name.split(".");
    const value = READS[form.elements.namedItem(name).dataset?.reads ?? "text"](text);
    if (inner) (body[outer] ??= {})[inner] = value;
    else body[outer] = value;
  }
  return body;
}

// The body of a form. One that adds to a list, or changes one of it, sends the whole list.
async function bodyOf(form) {
  const {path, list, instead} = form.dataset;
  const item = read(form);
  if (!list) return item;
  const there = await ask("GET", root + path);
  return there && {[list]: [...there[list].filter((each) => !instead || each.id !== instead), item]};
}

async function submit(form) {
  const {method, path, opens} = form.dataset;
  const body = await bodyOf(form);
  const answer = body && await ask(method, root + path, JSON.stringify(body));
  if (answer && opens) location.assign(`${root}/dashboard/${opens}/${encodeURIComponent(answer[opens][0].id)}`);
  else if (answer) location.reload();
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// A call for the command line.
function command(method, url, body, type = "application/json") {
  const sent = body ? ` -H 'Content-Type: ${type}' -d ${quoted(body)}` : "";
  return `curl${method === "GET" ? "" : ` -X ${method}`} ${quoted(url)}${sent}`;
}

async function curlOf(form) {
  const {method, path} = form.dataset;
  const body = await bodyOf(form);
  return body && command(method, location.origin + root + path, JSON.stringify(body));
}

document.addEventListener("submit", async (event) => {
  if (!event.target.dataset.path) return;
  event.preventDefault();
  await said(() => submit(event.target));
});

// Does something with a form; JSON that is none is told.
async function said(act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    tell(`This is no JSON: ${error.message}`, true);
    return null;
  }
}

async function copy(text) {
  await navigator.clipboard.writeText(text).then(() => tell("Copied."), () => tell(text));
}

// Of the fields of all kinds of auth only those of the chosen one are there.
function choose(select) {
  for (const each of select.form.querySelectorAll("[data-kind]")) each.hidden = each.disabled = each.dataset.kind !== select.value;
}
for (const select of document.querySelectorAll('[name="auth.type"]')) {
  choose(select);
  select.addEventListener("change", () => choose(select));
}

// The editor of a scenario: what is wrong stands below it, each fault leads to its line.
const source = document.getElementById("source");
const problems = document.getElementById("problems");

async function send(method, path) {
  const headers = {"Content-Type": "text/yaml"};
  const answer = await fetch(root + path, {method, headers, body: source.value});
  return {ok: answer.ok, ...await answer.json()};
}

// The call of one of the editor's buttons; null where it would not be made.
async function curlOfEditor(act) {
  if (act === "check") return command("POST", `${location.origin}${root}/scenarios/validate`, source.value, "text/yaml");
  const checked = await send("POST", "/scenarios/validate");
  if (!checked.valid) return edit("check");
  return command("PUT", location.origin + root + placeOf(checked), source.value, "text/yaml");
}

function placeOf({provider, name}) {
  return `/scenarios/${provider}/${encodeURIComponent(name)}`;
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
      const saved = await send("PUT", placeOf(checked));
      if (saved.ok) {
        location.assign(`${root}/dashboard${placeOf(checked)}`);
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
light();
document.querySelector("nav [aria-current]").scrollIntoView({inline: "center", block: "nearest"}); // on a phone they are one line
if (location.hash.startsWith("#token=")) history.replaceState(null, "", location.pathname + location.search); // not needed

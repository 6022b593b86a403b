// An app that opens Finicity Connect by Mastercard's SDK, and keeps what it is told.
"use strict";
window.events = []; // [name of the callback, arguments]
window.raw = []; // what came, as it came
window.pings = 0; // those that were answered
window.addEventListener("message", ({ data }) => {
  if (data?.type === "ack") window.pings += 1;
  else if (data?.type) window.raw.push(data);
});

// The options are those of the SDK; ``urls``: the app opens the bank's page itself.
window.prepare = (url, { urls = false, ...options } = {}) => {
  const names = ["onDone", "onCancel", "onError", "onLoad", "onRoute", "onUser", ...(urls ? ["onUrl"] : [])];
  const keep = (name) => (...given) => window.events.push([name, JSON.parse(JSON.stringify(given))]);
  const handlers = Object.fromEntries(names.map((name) => [name, keep(name)]));
  document.getElementById("open").onclick = () => window.Connect.launch(url, handlers, options);
};

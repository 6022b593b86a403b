// An app that embeds Mono's widget by Mono's own package, and keeps what it is told.
"use strict";
window.events = []; // [name of the callback or event, data]

const load = (address) => new Promise((resolve, reject) => {
  document.head.append(Object.assign(document.createElement("script"), { src: address, onload: resolve, onerror: reject }));
});
const keep = (name, data) => window.events.push([name, JSON.parse(JSON.stringify(data ?? {}))]);

window.prepare = async (mono) => { // as a page does it: the script of the sandbox, then the package
  await load(`${mono}/shim.js`);
  await load("node_modules/@mono.co/connect.js/index.js");
};

window.embed = (options, account) => {
  window.connect = new window.Connect({
    key: "test_pk_any",
    onSuccess: (data) => keep("onSuccess", data),
    onClose: () => keep("onClose"),
    onLoad: () => keep("onLoad"),
    onEvent: keep,
    ...options,
  });
  if (account) window.connect.reauthorise(account);
  else window.connect.setup();
  window.connect.open();
};

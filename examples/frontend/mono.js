// Opens Mono's widget by its own package, says what it tells, and shows the account that was linked.
"use strict";

const load = (address) => new Promise((resolve, reject) => {
  document.head.append(Object.assign(document.createElement("script"), { src: address, onload: resolve, onerror: reject }));
});

async function prepare() { // with the first click: brings the package to the sandbox, then loads it
  const { shim } = await (await fetch("/mono")).json();
  if (shim) await load(shim);
  await load("node_modules/@mono.co/connect.js/index.js");
}

let prepared;

async function link() {
  prepared ??= prepare();
  await prepared;
  const connect = new window.Connect({
    key: "test_pk_any",
    scope: "auth",
    data: { customer: { name: "Ada Obi", email: "ada@example.com" } },
    onEvent: (name) => log(name),
    onClose: () => log("closed"),
    onSuccess: async ({ code }) => {
      const answer = await fetch("/mono", { method: "POST", body: JSON.stringify({ code }) });
      const { name, account_number: number } = await answer.json();
      const row = document.createElement("li");
      row.textContent = `${name}: ${number}`;
      document.getElementById("accounts").replaceChildren(row);
    },
  });
  connect.setup();
  connect.open();
}

document.getElementById("link").addEventListener("click", link);

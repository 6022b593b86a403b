// Opens Finicity's Connect by Mastercard's SDK, says what it tells, and shows the accounts that were added.
import { Connect } from "./node_modules/connect-web-sdk/dist/mastercard-connect-esm.min.js"; // its global name is Mono's, too

async function add() {
  const { customer, link } = await (await fetch("/finicity", { method: "POST" })).json();
  Connect.launch(link, {
    onRoute: ({ screen }) => log(`screen ${screen}`),
    onUser: ({ action, success, message }) => log(`${action} ${success ?? message ?? ""}`),
    onCancel: ({ reason }) => log(reason),
    onError: ({ code, reason }) => log(`${reason} ${code}`),
    onDone: async ({ reason }) => {
      log(reason);
      const accounts = await (await fetch(`/finicity/${customer}`)).json();
      document.getElementById("accounts").replaceChildren(...accounts.map(({ name, balance }) => {
        const row = document.createElement("li");
        row.textContent = `${name}: ${balance}`;
        return row;
      }));
    },
  });
}

document.getElementById("add").addEventListener("click", add);

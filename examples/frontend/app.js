// Opens MX's Connect widget by its SDK, says what it tells, and shows the accounts of the bank that was connected.
"use strict";

const log = (line) => { document.getElementById("log").textContent += `${line}\n`; };

async function open(options) {
  const asked = await fetch("/widget", { method: "POST", body: JSON.stringify(options) });
  const { user, url } = await asked.json();
  const container = document.getElementById("widget");
  container.replaceChildren();
  new window.widgetSdk.ConnectWidget({
    container,
    url,
    style: { width: "400px", height: "650px", border: "1px solid #ccc" },
    onLoaded: ({ initial_step }) => log(`loaded, at ${initial_step}`),
    onStepChange: ({ previous, current }) => log(`${previous} > ${current}`),
    onMemberStatusUpdate: ({ connection_status }) => log(`status ${connection_status}`),
    onMemberConnected: async ({ member_guid }) => {
      log(`connected ${member_guid}`);
      const accounts = await (await fetch(`/accounts/${user}`)).json();
      document.getElementById("accounts").replaceChildren(...accounts.map(({ name, balance }) => {
        const row = document.createElement("li");
        row.textContent = `${name}: ${balance}`;
        return row;
      }));
    },
  });
}

document.getElementById("connect").addEventListener("click", () => open({}));
document.getElementById("verify").addEventListener("click", () => open({ mode: "verification" }));

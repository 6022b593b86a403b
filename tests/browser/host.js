// An app that embeds the Connect widget by MX's SDK, and keeps what it is told.
"use strict";
window.events = []; // [name of the callback, payload]
window.raw = []; // what came, as it came
window.addEventListener("message", (event) => window.raw.push(event.data));

// the same as `short` in conftest.py
window.short = (message) => {
  if (!message?.mx) return "";
  const name = message.type.replace(/^mx\//, "").replace(/^connect\//, ""), data = message.metadata;
  if (name === "stepChange") return `stepChange ${data.previous ?? ""}>${data.current}`;
  const told = data.member?.connection_status ?? data.connection_status ?? data.initial_step ?? data.error_reason;
  return told === undefined ? name : `${name} ${told}`;
};

const NAMES = ["Load", "Ping", "FocusTrap", "Navigation", "Message", "InvalidMessageError", "MessageUnknownError",
  "Loaded", "EnterCredentials", "InstitutionSearch", "SelectedInstitution", "MemberConnected", "ConnectedPrimaryAction",
  "MemberDeleted", "CreateMemberError", "MemberStatusUpdate", "OAuthError", "OAuthRequested", "StepChange", "SubmitMFA",
  "UpdateCredentials", "BackToSearch", "InvalidData", "AccountCreated"];

window.embed = (url, how) => {
  const callbacks = {};
  for (const name of NAMES) {
    callbacks[`on${name}`] = (payload) => window.events.push([name, JSON.parse(JSON.stringify(payload ?? {}))]);
  }
  if (how?.api) callbacks.ssoRequestPreprocess = (asked) => ({ ...asked, url: asked.url.replace(/^https:..[^/]+/, how.api) });
  window.widget = new window.widgetSdk.ConnectWidget({
    container: "#widget", ...(url ? { url } : {}), style: { width: "400px", height: "700px", border: "none" }, ...callbacks, ...how,
  });
};

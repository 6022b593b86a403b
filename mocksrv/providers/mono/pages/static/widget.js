// What only the widget does by script: tells apps that show it in a webview of their own.
"use strict";

(() => {
  // types of older Flutter packages, which expect them beside those of today
  const OLDER = { "mono.connect.widget.account_linked": "mono.modal.linked", "mono.connect.widget.closed": "mono.modal.closed" };

  function tell(channel, message) { channel?.postMessage(JSON.stringify(message)); }

  function older(message) {
    if ("post" in message && message.post.type in OLDER) {
      tell(window.MonoClientInterface, { type: OLDER[message.post.type], response: message.post.data });
    }
  }

  if (window.parent === window) { // within a frame the host's page hears it, which may tell the app
    Kit.senders.push(({ post }) => {
      for (const channel of new Set([window.ReactNativeWebView, window.MonoClientInterface])) tell(channel, post);
    }, older);
    tell(window.MonoClientInterface, { type: "mono.modal.onLoad" });
  }
})();

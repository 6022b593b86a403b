// Brings Mono's own package, @mono.co/connect.js, to this sandbox: a page includes it before the package, which has
// the addresses of Mono written in it. Frames, and calls of the package, are led here.
"use strict";

(() => {
  const here = document.currentScript.src.replace(/\/shim\.js([?#].*)?$/, "");
  const MOVED = {
    "https://connect.mono.co": `${here}/widget`,
    "https://connect.withmono.com": `${here}/widget`, // of older packages
    "https://api.withmono.com": here,
  };

  function moved(address) {
    const { origin, pathname, search } = new URL(address, document.baseURI);
    return origin in MOVED ? `${MOVED[origin]}${pathname.replace(/\/$/, "")}${search}` : address;
  }

  const source = Object.getOwnPropertyDescriptor(HTMLIFrameElement.prototype, "src");
  Object.defineProperty(HTMLIFrameElement.prototype, "src", {
    ...source,
    set(address) { source.set.call(this, moved(address)); },
  });

  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, address, ...more) {
    return open.call(this, method, moved(address), ...more);
  };

  const fetched = window.fetch;
  window.fetch = (asked, options) =>
    fetched(asked instanceof Request ? new Request(moved(asked.url), asked) : moved(asked), options);
})();

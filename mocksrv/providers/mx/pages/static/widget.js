// What only the widget does by script: opens the bank's page, listens to its host, keeps the session alive.
"use strict";

(() => {
  let bank = null; // the window of the bank's page
  let telling = 0;
  const message = (text) => { const told = JSON.parse(text || "null"); if (told) Kit.send(told); };

  // the bank's page opens while the click lasts, or the browser blocks it

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.bank) {
      message(button.dataset.requested);
      if (button.dataset.opens) bank = window.open(button.dataset.bank, "_blank");
    }
  });

  Kit.arrivals.push((body) => {
    if (bank && !body.querySelector("[data-testid=status]")?.textContent.includes("PENDING")) {
      bank.close();
      bank = null;
    }
  });

  // a search that is typed: the list narrows by itself, and the host is told when nobody types any more

  document.addEventListener("submit", (event) => {
    if ("typed" in event.target.dataset) event.preventDefault();
  }, true); // before the kit sends it

  document.addEventListener("input", ({ target }) => {
    const search = target.closest("[data-searching]");
    if (!search) return;
    clearTimeout(telling);
    const query = target.value.trim();
    if (query.length < Number(search.dataset.shortest)) return;
    telling = setTimeout(() => tellSearch(search, query), 500);
  });

  function tellSearch(search, query) {
    const told = JSON.parse(search.dataset.searching);
    if (!told || !search.isConnected) return;
    if (told.post?.metadata) told.post.metadata.query = query;
    if (told.go) {
      const parts = told.go.split("?");
      const fields = new URLSearchParams(parts[1]);
      if (fields.has("metadata")) fields.set("metadata", JSON.stringify({ ...JSON.parse(fields.get("metadata")), query }));
      else fields.set("query", query);
      told.go = `${parts[0]}?${fields}`;
    }
    Kit.send(told);
  }

  // the host

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent && event.source !== window.opener && event.source !== bank) return;
    let said = event.data;
    if (typeof said === "string") {
      try { said = JSON.parse(said); } catch { return; }
    }
    if (said?.type === "mx/navigation" && (said.payload ?? said.metadata)?.action === "back") {
      Kit.go(document.body.dataset.hostBack, { method: "POST" });
    }
    if (/^(oauthComplete\/|mx\/client\/oauthComplete$)/.test(said?.type ?? "")) Kit.look();
  });

  setInterval(() => message(document.body.dataset.ping), 30000);

  // the keyboard comes to the end of the page: the host hears of it, and may take the focus

  document.addEventListener("focusin", (event) => {
    if (event.target.id === "end") message(document.body.dataset.focus);
  });
})();

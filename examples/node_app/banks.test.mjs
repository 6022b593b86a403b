// The tests of banks.mjs: `mocksrv exec -- npm test` runs them with a server. Each has a sandbox of its own.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Banks } from "./banks.mjs";

const LOGIN = { LOGIN: "ada", PASSWORD: "any" };

/** A sandbox of the server, whose time stands still: where its API is, and its control API. */
async function sandbox(name) {
  const url = `${process.env.MOCKSRV_URL}/sandbox/${name}`;
  const control = async (method, path, body) => {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${url}/_mocksrv${path}`, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer.json();
  };
  await control("PUT", "/clock", { mode: "manual" });
  return { url, control };
}

test("a bank is connected", async () => {
  const { url, control } = await sandbox("connected");
  const banks = new Banks(url);
  const id = await banks.connect("ada", "mxbank", LOGIN);
  assert.equal((await banks.read(id)).status, "CREATED");
  await control("POST", "/clock/advance", { by: "1m" });
  const { status, accounts } = await banks.read(id);
  assert.equal(status, "CONNECTED");
  assert.ok(accounts.includes("Checking"));
});

test("a bank refuses, and MX tells of it", async () => {
  const { url, control } = await sandbox("denied");
  const banks = new Banks(url);
  await control("PUT", "/bindings", { next: ["denied"] });
  const id = await banks.connect("ada", "mxbank", LOGIN);
  await control("POST", "/clock/advance", { by: "1m" });
  assert.equal((await banks.read(id)).status, "DENIED");
  const { webhooks } = await control("GET", `/webhooks?event=mx.connection_status.*&subject=${id.member}&wait=5s`);
  assert.equal(webhooks[0].payload.connection_status, "DENIED");
});

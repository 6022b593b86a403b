// A client of the API: every operation of the SDK under one roof, each answer looked at, and what the cases stand on.

import assert from "node:assert/strict";

import * as sdk from "mx-platform-node";

import { operations, problems } from "./shapes.mjs";

export const ACCEPT = "application/vnd.mx.api.v1+json";

export class World {
  constructor(url) {
    this.url = url;
    this.number = 0;
    this.kept = {};
    this.called = new Set();
    const configuration = new sdk.Configuration({
      username: "client",
      password: "key",
      basePath: url,
      baseOptions: { headers: { Accept: ACCEPT, "Content-Type": "application/json" }, validateStatus: null },
    });
    for (const [name, answers] of Object.entries(operations)) {
      const api = new sdk[name](configuration);
      for (const [operation, type] of Object.entries(answers)) {
        this[operation] = async (...given) => this.#read(operation, type, await api[operation](...given));
      }
    }
  }

  #read(operation, type, answer) {
    if (answer.status >= 400) {
      throw Object.assign(new Error(`${operation}: ${answer.status} ${JSON.stringify(answer.data)}`), { status: answer.status });
    }
    assert.deepEqual(problems(type, answer.data), [], operation);
    if (type === "void") assert.equal(answer.status, 204, operation);
    this.called.add(operation);
    return answer.data;
  }

  unique(what) {
    return `${what}-${++this.number}`;
  }

  /** Time passes: jobs end. */
  async advance(by = "10s") {
    const answer = await fetch(`${this.url}/_mocksrv/clock/advance`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ by }),
    });
    assert.equal(answer.status, 200);
  }

  /** That the API knows no such thing any more. */
  async gone(promise) {
    await assert.rejects(promise, { status: 404 });
  }

  /** What is made once and kept. */
  async once(name, make) {
    this.kept[name] ??= await make();
    return this.kept[name];
  }

  // users and members

  async newUser() {
    return (await this.createUser({ user: { id: this.unique("node"), email: "ada@example.com", metadata: "test" } })).user.guid;
  }

  user() {
    return this.once("user", () => this.newUser());
  }

  async credentials(password) {
    const { credentials } = await this.listInstitutionCredentials("mxbank");
    return credentials.map((field) => ({ guid: field.guid, value: field.field_type === "PASSWORD" ? password : "mxuser" }));
  }

  /** A member whose first job has ended, or waits for an answer. */
  async newMember(user, password = "password") {
    const member = { institution_code: "mxbank", credentials: await this.credentials(password), id: this.unique("node") };
    const { guid } = (await this.createMember(user, { member })).member;
    await this.advance();
    return guid;
  }

  async connected() {
    const user = await this.newUser();
    return [user, await this.newMember(user)];
  }

  /** The connected member of the user that all share, verified and identified. */
  member() {
    return this.once("member", async () => {
      const user = await this.user();
      const member = await this.newMember(user);
      await this.verifyMember(member, user);
      await this.advance();
      const [challenge] = (await this.readMemberStatus(member, user)).member.challenges;
      await this.resumeAggregation(member, user, { member: { challenges: [{ guid: challenge.guid, value: challenge.options[0].value }] } });
      await this.advance();
      await this.identifyMember(member, user);
      await this.advance();
      return member;
    });
  }

  // what belongs to a user

  checking() {
    return this.once("checking", async () => {
      const { accounts } = await this.listMemberAccounts(await this.user(), await this.member());
      return accounts.find((account) => account.type === "CHECKING").guid;
    });
  }

  transaction() {
    return this.once("transaction", async () => (await this.listTransactionsByAccount(await this.checking(), await this.user())).transactions[0]);
  }

  async newManualAccount(user) {
    const account = { account_type: "SAVINGS", name: this.unique("Jar"), balance: 100 };
    return (await this.createManualAccount(user, { account })).account.guid;
  }

  async newManualTransaction() {
    const user = await this.user();
    const transaction = { amount: 12.34, date: "2025-12-30", description: "Whole foods", type: "DEBIT" };
    return this.createManualTransaction(user, await this.newManualAccount(user), { transaction });
  }

  /** The guid of a default category. */
  async category(name) {
    const found = await this.once("categories", async () => {
      const pages = await Promise.all([1, 2].map((page) => this.listDefaultCategories(page, 100)));
      return Object.fromEntries(pages.flatMap((page) => page.categories).map((category) => [category.name, category.guid]));
    });
    return found[name];
  }

  async newTag() {
    return (await this.createTag(await this.user(), { tag: { name: this.unique("TAG") } })).tag.guid;
  }

  async newTagging(tag_guid) {
    const tagging = { tag_guid, transaction_guid: (await this.transaction()).guid };
    return (await this.createTagging(await this.user(), { tagging })).tagging.guid;
  }

  async newRule() {
    const transaction_rule = { category_guid: await this.category("Pets"), match_description: this.unique("Wal-mart") };
    return (await this.createTransactionRule(await this.user(), { transaction_rule })).transaction_rule.guid;
  }

  async newBudget(user, name) {
    return (await this.createBudget(user, { budget: { category_guid: await this.category(name), amount: 500 } })).budget.guid;
  }

  async newGoal(user) {
    const account_guid = await this.once(`jar of ${user}`, () => this.newManualAccount(user));
    const goal = { account_guid, amount: 4500.5, goal_type_name: "SAVE_AMOUNT", meta_type_name: "VACATION", name: this.unique("Save") };
    return (await this.createGoal(user, { goal })).goal.guid;
  }

  // the partner's own data

  async newManagedMember() {
    const { code } = (await this.listManagedInstitutions()).institutions[0];
    const member = { institution_code: code, id: this.unique("managed"), name: "Ours" };
    return (await this.createManagedMember(await this.user(), { member })).member.guid;
  }

  managedMember() {
    return this.once("managed member", () => this.newManagedMember());
  }

  async newManagedAccount() {
    const account = { id: this.unique("account"), name: "Ours", type: "SAVINGS", balance: 1000.5 };
    return (await this.createManagedAccount(await this.managedMember(), await this.user(), { account })).account.guid;
  }

  managedAccount() {
    return this.once("managed account", () => this.newManagedAccount());
  }

  async newManagedTransaction() {
    const transaction = {
      amount: "61.11",
      description: "Whole foods",
      id: this.unique("transaction"),
      status: "POSTED",
      type: "DEBIT",
      posted_at: "2025-12-30T06:00:00.000Z",
      transacted_at: "2025-12-29T13:00:00.000Z",
    };
    return (await this.createManagedTransaction(...(await this.managed()), { transaction })).transaction.guid;
  }

  /** The account, the member and the user, as the operations on managed transactions want them. */
  async managed() {
    return [await this.managedAccount(), await this.managedMember(), await this.user()];
  }
}

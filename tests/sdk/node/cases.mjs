// MX's official Node SDK, operation by operation: `node cases.mjs URL` prints a line of JSON per case, in the order below.

import assert from "node:assert/strict";

import { ACCEPT, World } from "./world.mjs";

const guids = (rows) => rows.map((row) => row.guid);

const cases = {
  // users

  async createUser(w) {
    const user = { id: w.unique("node"), email: "bob@example.com", is_disabled: false, metadata: "some" };
    const { guid, ...made } = (await w.createUser({ user })).user;
    assert.match(guid, /^USR-/);
    assert.deepEqual(made, user);
  },

  async readUser(w) {
    assert.equal((await w.readUser(await w.user())).user.guid, await w.user());
  },

  async listUsers(w) {
    const { id } = (await w.readUser(await w.user())).user;
    assert.deepEqual(guids((await w.listUsers(1, 25, id)).users), [await w.user()]);
  },

  async updateUser(w) {
    assert.equal((await w.updateUser(await w.newUser(), { user: { metadata: "changed" } })).user.metadata, "changed");
  },

  async deleteUser(w) {
    const user = await w.newUser();
    await w.deleteUser(ACCEPT, user);
    await w.gone(w.readUser(user));
  },

  // members

  async createMember(w) {
    const user = await w.newUser();
    const id = w.unique("node");
    const { member } = await w.createMember(user, { member: { institution_code: "mxbank", id, credentials: await w.credentials("password") } });
    assert.deepEqual([member.id, member.connection_status, member.is_being_aggregated], [id, "CREATED", true]);
  },

  async readMember(w) {
    const { member } = await w.readMember(await w.member(), await w.user());
    assert.deepEqual([member.connection_status, member.is_being_aggregated], ["CONNECTED", false]);
  },

  async listMembers(w) {
    const member = await w.member();
    assert.ok(guids((await w.listMembers(await w.user())).members).includes(member));
  },

  async updateMember(w) {
    const [user, member] = await w.connected();
    assert.equal((await w.updateMember(member, user, { member: { metadata: "changed" } })).member.metadata, "changed");
  },

  async deleteMember(w) {
    const [user, member] = await w.connected();
    await w.deleteMember(member, user);
    await w.gone(w.readMember(member, user));
  },

  async readMemberStatus(w) {
    const { member } = await w.readMemberStatus(await w.member(), await w.user());
    assert.deepEqual([member.connection_status, member.is_authenticated], ["CONNECTED", true]);
  },

  async listMemberCredentials(w) {
    const { credentials } = await w.listMemberCredentials(await w.member(), await w.user());
    assert.deepEqual(credentials.map((field) => field.field_name), ["LOGIN", "PASSWORD"]);
  },

  async listMemberChallenges(w) {
    const user = await w.newUser();
    const { challenges } = await w.listMemberChallenges(await w.newMember(user, "challenge"), user);
    assert.deepEqual(challenges.map((challenge) => challenge.type), ["TEXT"]);
  },

  async resumeAggregation(w) {
    const user = await w.newUser();
    const member = await w.newMember(user, "challenge");
    const [{ guid }] = (await w.listMemberChallenges(member, user)).challenges;
    const resumed = (await w.resumeAggregation(member, user, { member: { challenges: [{ guid, value: "correct" }] } })).member;
    assert.equal(resumed.connection_status, "RESUMED");
  },

  async aggregateMember(w) {
    const [user, member] = await w.connected();
    assert.equal((await w.aggregateMember(member, user)).member.is_being_aggregated, true);
  },

  async verifyMember(w) {
    const [user, member] = await w.connected();
    assert.equal((await w.verifyMember(member, user)).member.is_being_aggregated, true);
  },

  async identifyMember(w) {
    const [user, member] = await w.connected();
    assert.equal((await w.identifyMember(member, user)).member.is_being_aggregated, true);
  },

  async checkBalances(w) {
    const [user, member] = await w.connected();
    assert.equal((await w.checkBalances(member, user)).member.is_being_aggregated, true);
  },

  // accounts

  async createManualAccount(w) {
    const { account } = await w.createManualAccount(await w.user(), { account: { account_type: "SAVINGS", name: "Jar", balance: 100.25 } });
    assert.deepEqual([account.type, account.name, account.balance, account.is_manual], ["SAVINGS", "Jar", 100.25, true]);
  },

  async readAccount(w) {
    assert.equal((await w.readAccount(await w.checking(), await w.user())).account.account_number, "****0685");
  },

  async readAccountByMember(w) {
    const { account } = await w.readAccountByMember(await w.checking(), await w.member(), await w.user());
    assert.equal(account.member_guid, await w.member());
  },

  async updateAccountByMember(w) {
    const [user, member] = await w.connected();
    const { guid } = (await w.listMemberAccounts(user, member)).accounts[0];
    const { account } = await w.updateAccountByMember(guid, member, user, { account: { metadata: "for a rainy day" } });
    assert.deepEqual([account.guid, account.metadata], [guid, "for a rainy day"]);
  },

  async deleteManualAccount(w) {
    const account = await w.newManualAccount(await w.user());
    await w.deleteManualAccount(account, ACCEPT, await w.user());
    await w.gone(w.readAccount(account, await w.user()));
  },

  async listUserAccounts(w) {
    const account = await w.newManualAccount(await w.user());
    assert.ok(guids((await w.listUserAccounts(await w.user(), 1, undefined, true, 100)).accounts).includes(account));
  },

  async listMemberAccounts(w) {
    const { accounts, pagination } = await w.listMemberAccounts(await w.user(), await w.member());
    assert.deepEqual([accounts.length, pagination.total_entries], [6, 6]);
  },

  async listAccountNumbersByAccount(w) {
    const { account_numbers } = await w.listAccountNumbersByAccount(await w.checking(), await w.user());
    assert.deepEqual(account_numbers.map((numbers) => numbers.account_number), ["4921710685"]);
  },

  async listAccountNumbersByMember(w) {
    const { account_numbers } = await w.listAccountNumbersByMember(await w.member(), await w.user());
    assert.deepEqual(account_numbers.map((numbers) => numbers.routing_number), ["005026788"]);
  },

  async listAccountOwnersByMember(w) {
    const { account_owners } = await w.listAccountOwnersByMember(await w.member(), await w.user());
    assert.deepEqual([...new Set(account_owners.map((owner) => owner.owner_name))], ["MX Test"]);
  },

  // transactions

  async createManualTransaction(w) {
    const made = await w.newManualTransaction();
    assert.deepEqual([made.amount, made.date, made.type], [12.34, "2025-12-30", "DEBIT"]);
  },

  async readTransaction(w) {
    const { guid } = await w.transaction();
    assert.deepEqual(guids((await w.readTransaction(await w.user(), guid)).transactions), [guid]);
  },

  async listTransactions(w) {
    await w.member();
    const { transactions } = await w.listTransactions(await w.user(), 1, 1000, "2025-12-01", "2025-12-31");
    assert.ok(transactions.length > 0 && transactions.every((each) => each.date >= "2025-12-01" && each.date <= "2025-12-31"));
  },

  async listTransactionsByAccount(w) {
    const { transactions, pagination } = await w.listTransactionsByAccount(await w.checking(), await w.user());
    assert.equal(pagination.total_entries, 182);
    assert.deepEqual([...new Set(transactions.map((each) => each.account_guid))], [await w.checking()]);
  },

  async listTransactionsByMember(w) {
    const { transactions } = await w.listTransactionsByMember(await w.member(), await w.user());
    assert.deepEqual([...new Set(transactions.map((each) => each.member_guid))], [await w.member()]);
  },

  async listTransactionsByTag(w) {
    const tag = await w.newTag();
    await w.newTagging(tag);
    assert.deepEqual(guids((await w.listTransactionsByTag(await w.user(), tag)).transactions), [(await w.transaction()).guid]);
  },

  async updateTransaction(w) {
    const made = await w.newManualTransaction();
    const { transaction } = await w.updateTransaction(await w.user(), made.guid, { transaction: { description: "Groceries" } });
    assert.equal(transaction.description, "Groceries");
  },

  async updateTransactionByAccount(w) {
    const [user, member] = await w.connected();
    const found = (await w.listTransactionsByMember(member, user)).transactions[0];
    const body = { transaction: { description: "Groceries" } };
    assert.equal((await w.updateTransactionByAccount(user, member, found.account_guid, found.guid, body)).transaction.description, "Groceries");
  },

  async deleteManualTransactions(w) {
    const { guid } = await w.newManualTransaction();
    await w.deleteManualTransactions(await w.user(), guid);
    await w.gone(w.readTransaction(await w.user(), guid));
  },

  async createSplitTransactions(w) {
    const { guid } = await w.newManualTransaction();
    const parts = [{ amount: 10, description: "Gas" }, { amount: 2.34, description: "Soda" }];
    const { transactions } = await w.createSplitTransactions(guid, await w.user(), { transactions: parts });
    assert.deepEqual(transactions.map((each) => [each.amount, each.description]), [[10, "Gas"], [2.34, "Soda"]]);
  },

  async deleteSplitTransactions(w) {
    const { guid } = await w.newManualTransaction();
    const parts = [{ amount: 10, description: "Gas" }, { amount: 2.34, description: "Soda" }];
    const { transactions } = await w.createSplitTransactions(guid, await w.user(), { transactions: parts });
    await w.deleteSplitTransactions(guid, await w.user());
    await w.gone(w.readTransaction(await w.user(), transactions[0].guid));
  },

  async enhanceTransactions(w) {
    const rows = [{ id: "ID-1", description: "ubr* pending.uber.com", amount: 21.33, type: "DEBIT" }];
    const { transactions } = await w.enhanceTransactions({ transactions: rows });
    assert.deepEqual(transactions.map((each) => [each.id, each.description]), [["ID-1", "Uber"]]);
  },

  async extendHistory(w) {
    const [user, member] = await w.connected();
    assert.equal((await w.extendHistory(member, user)).member.is_being_aggregated, true);
  },

  async repeatingTransactions(w) {
    await w.member();
    assert.ok((await w.repeatingTransactions(await w.user())).repeating_transactions.length > 0);
  },

  async specificRepeatingTransaction(w) {
    await w.member();
    const [{ guid }] = (await w.repeatingTransactions(await w.user())).repeating_transactions;
    assert.deepEqual(guids((await w.specificRepeatingTransaction(await w.user(), guid)).repeating_transactions), [guid]);
  },

  async createTransactionRule(w) {
    const transaction_rule = { category_guid: await w.category("Pets"), match_description: "Petco", description: "Food for the dog" };
    const made = (await w.createTransactionRule(await w.user(), { transaction_rule })).transaction_rule;
    assert.deepEqual([made.match_description, made.description], ["Petco", "Food for the dog"]);
  },

  async readTransactionRule(w) {
    const rule = await w.newRule();
    assert.equal((await w.readTransactionRule(rule, await w.user())).transaction_rule.guid, rule);
  },

  async listTransactionRules(w) {
    const rule = await w.newRule();
    assert.ok(guids((await w.listTransactionRules(await w.user(), 1, 100)).transaction_rules).includes(rule));
  },

  async updateTransactionRule(w) {
    const changed = await w.updateTransactionRule(await w.newRule(), await w.user(), { transaction_rule: { match_description: "Target" } });
    assert.equal(changed.transaction_rule.match_description, "Target");
  },

  async deleteTransactionRule(w) {
    const rule = await w.newRule();
    await w.deleteTransactionRule(rule, await w.user());
    await w.gone(w.readTransactionRule(rule, await w.user()));
  },

  // widgets

  async requestWidgetURL(w) {
    const { widget_url } = await w.requestWidgetURL(await w.user(), { widget_url: { widget_type: "connect_widget" } }, "en-US");
    assert.equal(widget_url.type, "connect_widget");
    assert.match(widget_url.url, /^http/);
  },

  async requestConnectWidgetURL(w) {
    const { user } = await w.requestConnectWidgetURL(await w.user(), { config: { current_institution_code: "mxbank" } });
    assert.equal(user.guid, await w.user());
    assert.match(user.connect_widget_url, /^http/);
  },

  async requestOAuthWindowURI(w) {
    const user = await w.newUser();
    const { guid } = (await w.createMember(user, { member: { institution_code: "mx_bank_oauth", is_oauth: true } })).member;
    const { member } = await w.requestOAuthWindowURI(guid, user);
    assert.equal(member.guid, guid);
    assert.match(member.oauth_window_uri, /^http/);
  },

  // tags

  async createTag(w) {
    const { tag } = await w.createTag(await w.user(), { tag: { name: "MY TAG" } });
    assert.deepEqual([tag.name, tag.user_guid], ["MY TAG", await w.user()]);
  },

  async readTag(w) {
    const tag = await w.newTag();
    assert.equal((await w.readTag(tag, await w.user())).tag.guid, tag);
  },

  async listTags(w) {
    assert.ok((await w.listTags(await w.user())).tags.some((tag) => tag.name === "Business"));
  },

  async updateTag(w) {
    assert.equal((await w.updateTag(await w.newTag(), await w.user(), { tag: { name: "YOUR TAG" } })).tag.name, "YOUR TAG");
  },

  async deleteTag(w) {
    const tag = await w.newTag();
    await w.deleteTag(tag, ACCEPT, await w.user());
    await w.gone(w.readTag(tag, await w.user()));
  },

  async createTagging(w) {
    const tagging = { tag_guid: await w.newTag(), transaction_guid: (await w.transaction()).guid };
    const made = (await w.createTagging(await w.user(), { tagging })).tagging;
    assert.deepEqual([made.tag_guid, made.transaction_guid], [tagging.tag_guid, tagging.transaction_guid]);
  },

  async readTagging(w) {
    const tagging = await w.newTagging(await w.newTag());
    assert.equal((await w.readTagging(tagging, await w.user())).tagging.guid, tagging);
  },

  async listTaggings(w) {
    const tagging = await w.newTagging(await w.newTag());
    assert.ok(guids((await w.listTaggings(await w.user(), 1, 100)).taggings).includes(tagging));
  },

  async updateTagging(w) {
    const [tagging, tag_guid] = [await w.newTagging(await w.newTag()), await w.newTag()];
    assert.equal((await w.updateTagging(tagging, await w.user(), { tagging: { tag_guid } })).tagging.tag_guid, tag_guid);
  },

  async deleteTagging(w) {
    const tagging = await w.newTagging(await w.newTag());
    await w.deleteTagging(tagging, await w.user());
    await w.gone(w.readTagging(tagging, await w.user()));
  },

  // budgets: the file, and so the SDK, has one budget where a list belongs

  async createBudget(w) {
    const user = await w.newUser();
    const { budget } = await w.createBudget(user, { budget: { category_guid: await w.category("Travel"), amount: 500 } });
    assert.deepEqual([budget.amount, budget.category_guid], [500, await w.category("Travel")]);
  },

  async readSpecificBudget(w) {
    const user = await w.newUser();
    const budget = await w.newBudget(user, "Travel");
    assert.equal((await w.readSpecificBudget(user, budget)).budget.guid, budget);
  },

  async listAllBudgets(w) {
    const user = await w.newUser();
    const budget = await w.newBudget(user, "Travel");
    assert.equal((await w.listAllBudgets(user)).budget.guid, budget);
  },

  async updateSpecificBudget(w) {
    const user = await w.newUser();
    assert.equal((await w.updateSpecificBudget(user, await w.newBudget(user, "Travel"), { budget: { amount: 750 } })).budget.amount, 750);
  },

  async deleteBudget(w) {
    const user = await w.newUser();
    const budget = await w.newBudget(user, "Travel");
    await w.deleteBudget(user, budget);
    await w.gone(w.readSpecificBudget(user, budget));
  },

  async autoGenerateBudgets(w) {
    const [user] = await w.connected();
    assert.ok((await w.autoGenerateBudgets(user)).budget.amount > 0);
  },

  // goals

  async createGoal(w) {
    const user = await w.newUser();
    const account_guid = await w.newManualAccount(user);
    const goal = { account_guid, amount: 4500.5, goal_type_name: "SAVE_AMOUNT", meta_type_name: "VACATION", name: "Save for Europe" };
    const made = (await w.createGoal(user, { goal })).goal;
    assert.deepEqual([made.account_guid, made.amount, made.name], [account_guid, 4500.5, "Save for Europe"]);
  },

  async readGoal(w) {
    const user = await w.newUser();
    const goal = await w.newGoal(user);
    assert.equal((await w.readGoal(goal, user)).goal.guid, goal);
  },

  async listGoals(w) {
    const user = await w.newUser();
    const goal = await w.newGoal(user);
    assert.deepEqual(guids((await w.listGoals(ACCEPT, user)).goals), [goal]);
  },

  async updateGoal(w) {
    const user = await w.newUser();
    assert.equal((await w.updateGoal(await w.newGoal(user), user, { goal: { name: "Save for Asia" } })).goal.name, "Save for Asia");
  },

  async deleteGoal(w) {
    const user = await w.newUser();
    const goal = await w.newGoal(user);
    await w.deleteGoal(goal, user, ACCEPT);
    await w.gone(w.readGoal(goal, user));
  },

  async repositionGoals(w) {
    const user = await w.newUser();
    await w.newGoal(user);
    const guid = await w.newGoal(user);
    const { goals } = await w.repositionGoals(user, { goals: [{ guid, position: 1 }] });
    assert.equal(goals.find((goal) => goal.guid === guid).position, 1);
  },

  // managed data

  async listManagedInstitutions(w) {
    assert.ok((await w.listManagedInstitutions()).institutions.length > 0);
  },

  async createManagedMember(w) {
    const { code } = (await w.listManagedInstitutions()).institutions[0];
    const { member } = await w.createManagedMember(await w.user(), { member: { institution_code: code, id: w.unique("managed"), name: "Ours" } });
    assert.deepEqual([member.institution_code, member.name, member.is_managed_by_user], [code, "Ours", false]);
  },

  async readManagedMember(w) {
    const member = await w.managedMember();
    assert.equal((await w.readManagedMember(member, await w.user())).member.guid, member);
  },

  async listManagedMembers(w) {
    const member = await w.managedMember();
    assert.ok(guids((await w.listManagedMembers(await w.user(), 1, 100)).members).includes(member));
  },

  async updateManagedMember(w) {
    const member = await w.newManagedMember();
    assert.equal((await w.updateManagedMember(member, await w.user(), { member: { name: "Still ours" } })).member.name, "Still ours");
  },

  async deleteManagedMember(w) {
    const member = await w.newManagedMember();
    await w.deleteManagedMember(member, ACCEPT, await w.user());
    await w.gone(w.readManagedMember(member, await w.user()));
  },

  async createManagedAccount(w) {
    const given = { id: w.unique("account"), name: "Ours", type: "SAVINGS", balance: 1000.5 };
    const { account } = await w.createManagedAccount(await w.managedMember(), await w.user(), { account: given });
    assert.deepEqual([account.id, account.type, account.balance], [given.id, "SAVINGS", 1000.5]);
  },

  async readManagedAccount(w) {
    const [account, member, user] = await w.managed();
    assert.equal((await w.readManagedAccount(account, member, user)).account.guid, account);
  },

  async listManagedAccounts(w) {
    const [account, member, user] = await w.managed();
    assert.ok(guids((await w.listManagedAccounts(member, user, 1, 100)).accounts).includes(account));
  },

  async updateManagedAccount(w) {
    const account = await w.newManagedAccount();
    const changed = await w.updateManagedAccount(account, await w.managedMember(), await w.user(), { account: { balance: 42.5 } });
    assert.equal(changed.account.balance, 42.5);
  },

  async deleteManagedAccount(w) {
    const account = await w.newManagedAccount();
    await w.deleteManagedAccount(account, await w.managedMember(), await w.user());
    await w.gone(w.readManagedAccount(account, await w.managedMember(), await w.user()));
  },

  async createManagedTransaction(w) {
    const [account, member, user] = await w.managed();
    const { transaction } = await w.readManagedTransaction(account, member, await w.newManagedTransaction(), user);
    assert.deepEqual([transaction.amount, transaction.type, transaction.status], [61.11, "DEBIT", "POSTED"]);
  },

  async readManagedTransaction(w) {
    const [account, member, user] = await w.managed();
    const made = await w.newManagedTransaction();
    assert.equal((await w.readManagedTransaction(account, member, made, user)).transaction.guid, made);
  },

  async listManagedTransactions(w) {
    const made = await w.newManagedTransaction();
    assert.ok(guids((await w.listManagedTransactions(...(await w.managed()), 1, "2025-12-01")).transactions).includes(made));
  },

  async updateManagedTransaction(w) {
    const [account, member, user] = await w.managed();
    const made = await w.newManagedTransaction();
    const { transaction } = await w.updateManagedTransaction(account, member, made, user, { transaction: { amount: "7.50" } });
    assert.equal(transaction.amount, 7.5);
  },

  async deleteManagedTransaction(w) {
    const [account, member, user] = await w.managed();
    const made = await w.newManagedTransaction();
    await w.deleteManagedTransaction(account, member, made, user);
    await w.gone(w.readManagedTransaction(account, member, made, user));
  },
};

const world = new World(process.argv[2]);
for (const [name, run] of Object.entries(cases)) {
  let error = null;
  try {
    await run(world);
    assert.ok(world.called.has(name), `the case does not call ${name}`);
  } catch (found) {
    error = String(found.stack ?? found);
  }
  console.log(JSON.stringify({ case: name, error }));
}

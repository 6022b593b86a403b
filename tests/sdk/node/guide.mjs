// The guide "Deposit Account Opening with the API" with MX's Node SDK. `node guide.mjs URL` prints what it saw as JSON.
import * as sdk from "mx-platform-node";

const url = process.argv[2];
const headers = { Accept: "application/vnd.mx.api.v1+json" };
const configuration = new sdk.Configuration({ basePath: url, username: "client", password: "key", baseOptions: { headers } });
const api = (name) => new sdk[name](configuration);
const [users, institutions, members] = [api("UsersApi"), api("InstitutionsApi"), api("MembersApi")];
const [accounts, transactions, holdings] = [api("AccountsApi"), api("TransactionsApi"), api("InvestmentHoldingsApi")];

async function advance(by) {
  const body = JSON.stringify({ by });
  await fetch(`${url}/_mocksrv/clock/advance`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
}

const seen = {};
const person = { id: "customer-42", email: "ada@example.com", metadata: "{}" };
const user = (await users.createUser({ user: person })).data.user.guid;
const bank = (await institutions.listInstitutions("mx bank")).data.institutions[0].code;
const form = (await institutions.listInstitutionCredentials(bank)).data.credentials;
const credentials = form.map(({ guid, field_name }) => ({ guid, value: field_name.toLowerCase() }));
const made = await members.createMember(user, { member: { institution_code: bank, credentials } });
const member = made.data.member.guid;
await members.verifyMember(member, user);
await advance("1s");
const asked = (await members.readMemberStatus(member, user)).data.member;
seen.asked = [asked.connection_status, asked.challenges[0].label];
const challenges = [{ guid: asked.challenges[0].guid, value: "act-23445745" }];
await members.resumeAggregation(member, user, { member: { challenges } });
await advance("1s");
seen.verified = (await members.readMemberStatus(member, user)).data.member.connection_status;
const [numbers] = (await accounts.listAccountNumbersByMember(member, user)).data.account_numbers;
seen.numbers = [numbers.account_number, numbers.routing_number];
await members.identifyMember(member, user);
await advance("1s");
const owners = (await accounts.listAccountOwnersByMember(member, user)).data.account_owners;
seen.owners = [...new Set(owners.map((owner) => owner.owner_name))];
await members.checkBalances(member, user);
await advance("1s");
seen.balance = (await accounts.readAccount(numbers.account_guid, user)).data.account.available_balance;
seen.transactions = (await transactions.listTransactions(user)).data.transactions.length;
await members.aggregateMember(member, user);
await advance("1m");
seen.holdings = (await holdings.listHoldings(user)).data.investment_holdings.length;
console.log(JSON.stringify(seen));

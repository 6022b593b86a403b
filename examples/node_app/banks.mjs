// Connects people's banks with MX's official Node SDK.

import { AccountsApi, Configuration, InstitutionsApi, MembersApi, UsersApi } from "mx-platform-node";

export class Banks {
  /** `url` is where MX's Platform API is. */
  constructor(url, clientId = "client", apiKey = "key") {
    const configuration = new Configuration({
      username: clientId,
      password: apiKey,
      basePath: url,
      baseOptions: { headers: { Accept: "application/vnd.mx.api.v1+json", "Content-Type": "application/json" } },
    });
    this.users = new UsersApi(configuration);
    this.institutions = new InstitutionsApi(configuration);
    this.members = new MembersApi(configuration);
    this.accounts = new AccountsApi(configuration);
  }

  /** Connects a bank for a new person; `login` is what was typed, by the fields of the bank's form. */
  async connect(name, bank, login) {
    const { user } = (await this.users.createUser({ user: { metadata: name } })).data;
    const form = (await this.institutions.listInstitutionCredentials(bank)).data.credentials;
    const credentials = form.map((field) => ({ guid: field.guid, value: login[field.field_name] }));
    const request = { member: { institution_code: bank, credentials } };
    const { member } = (await this.members.createMember(user.guid, request)).data;
    return { user: user.guid, member: member.guid };
  }

  /** How a bank stands, and the names of the accounts there. */
  async read({ user, member }) {
    const status = (await this.members.readMemberStatus(member, user)).data.member;
    const { accounts } = (await this.accounts.listMemberAccounts(user, member)).data;
    return { status: status.connection_status, accounts: accounts.map((account) => account.name) };
  }
}

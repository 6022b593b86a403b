"""A small app that shows people the accounts they have at their banks, with MX.

Its own API: ``POST /people/NAME/banks`` connects one, ``GET`` lists them, ``POST /people/NAME/banks/ID/answers``
answers the bank's questions. MX tells it by callbacks at ``/webhooks`` that something has changed; it then reads from
MX what is true now, so that callbacks may come late, twice, or in any order.
"""

from __future__ import annotations

import os
from typing import Any

import mx_platform_python as mx
from flask import Flask, abort, request

STATES = {
    "CONNECTED": "connected",
    "CHALLENGED": "has a question",
    "DENIED": "wrong user name or password",
    "LOCKED": "locked by the bank",
}


class MX:
    """The calls of MX's Platform API that the app makes, by its official SDK."""

    def __init__(self, url: str, client_id: str, api_key: str) -> None:
        configuration = mx.Configuration(host=url, username=client_id, password=api_key)
        client = mx.ApiClient(configuration, "Accept", "application/vnd.mx.api.v1+json")
        self.users, self.institutions = mx.UsersApi(client), mx.InstitutionsApi(client)
        self.members, self.accounts = mx.MembersApi(client), mx.AccountsApi(client)

    def create_user(self, name: str) -> str:
        """A new user's guid."""
        made = self.users.create_user(mx.UserCreateRequestBody(user=mx.UserCreateRequest(metadata=name)))
        return str(made.user.guid)

    def connect(self, user: str, bank: str, login: dict[str, str]) -> str:
        """A new member's guid. ``login`` is what the person typed, by the fields of the bank's form."""
        form = self.institutions.list_institution_credentials(bank).credentials
        typed = [mx.CredentialRequest(guid=field.guid, value=login[field.field_name]) for field in form]
        member = mx.MemberCreateRequest(institution_code=bank, credentials=typed)
        return str(self.members.create_member(user, mx.MemberCreateRequestBody(member=member)).member.guid)

    def read(self, user: str, member: str) -> dict[str, Any]:
        """How a bank stands now: its state, the questions that are open, the accounts once MX has brought them."""
        status = self.members.read_member_status(member, user).member
        accounts = [] if status.is_being_aggregated else self.accounts.list_member_accounts(user, member).accounts
        return {
            "state": STATES.get(status.connection_status, "is being connected"),
            "questions": [question.label for question in status.challenges or []],
            "accounts": [{"name": account.name, "balance": account.balance} for account in accounts],
        }

    def answer(self, user: str, member: str, answers: list[str]) -> None:
        """Answers the questions that are open, each with one of ``answers``. Raises ValueError."""
        asked = self.members.read_member_status(member, user).member.challenges
        pairs = zip(asked, answers, strict=True)
        given = [mx.CredentialRequest(guid=question.guid, value=text) for question, text in pairs]
        body = mx.MemberResumeRequestBody(member=mx.MemberResumeRequest(challenges=given))
        self.members.resume_aggregation(member, user, body)


def create_app(mx_url: str, webhook_password: str | None, client_id: str = "client", api_key: str = "key") -> Flask:
    """The app, with its data in memory. Without a password it takes callbacks from anybody."""
    app = Flask(__name__)
    api = MX(mx_url, client_id, api_key)
    users: dict[str, str] = {}  # name -> guid
    banks: dict[str, dict[str, dict[str, Any]]] = {}  # user's guid -> member's guid -> what `MX.read` said last

    @app.post("/people/<name>/banks")
    def connect(name: str) -> Any:
        if name not in users:
            users[name] = api.create_user(name)
        user = users[name]
        member = api.connect(user, request.json["bank"], request.json["login"])
        banks.setdefault(user, {})[member] = {"state": "is being connected", "questions": [], "accounts": []}
        return {"id": member}, 201

    @app.get("/people/<name>/banks")
    def show(name: str) -> Any:
        return {"banks": banks.get(users.get(name, ""), {})}

    @app.post("/people/<name>/banks/<id>/answers")
    def answer(name: str, id: str) -> Any:
        try:
            api.answer(users[name], id, request.json["answers"])
        except ValueError:
            abort(400, "each question wants one answer")
        return "", 204

    @app.post("/webhooks")
    def webhooks() -> Any:
        sent = request.authorization.password if request.authorization else None
        if webhook_password is not None and sent != webhook_password:
            abort(401)
        told = request.json
        user, member = told.get("user_guid"), told.get("member_guid")
        if member in banks.get(user, {}):  # not of a person or bank that was removed meanwhile
            banks[user][member] = api.read(user, member)
        return "", 204

    return app


if __name__ == "__main__":
    app = create_app(os.environ["MX_BASE_URL"], os.environ.get("WEBHOOK_PASSWORD"))
    app.run(host=os.environ.get("HOST", "127.0.0.1"), port=3000)

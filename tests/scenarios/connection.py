"""A connection of an MX user to a bank: plays a scenario by HTTP calls, and says in short lines what could be seen."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from textwrap import dedent, indent
from typing import Any

from mocksrv.providers.mx.events.statuses import STATUSES
from tests.conftest import MX, Receiver

START = int(datetime.fromisoformat("2026-01-01T12:00:00Z").timestamp())  # where a seeded manual clock begins
OAUTH_BANK = "mx_bank_oauth"


class Connection:
    """One user, with one member at a time. ``user_id`` is the app's own id of the user."""

    def __init__(self, mx: MX, receiver: Receiver) -> None:
        self.mx = mx
        self.receiver = receiver
        self.user_id = "customer-42"
        self.user = mx.user(id=self.user_id)
        self.member = ""
        self.path = ""
        self._seen = len(receiver.received)

    # acting

    def connect(
        self, scenario: str | None = None, *, by: str = "header", oauth: bool = False, **fields: Any
    ) -> dict[str, Any]:
        """Creates a member. ``by`` says how the scenario is chosen: header, institution, next or default."""
        headers = {"X-Mocksrv-Scenario": scenario} if scenario and by == "header" else {}
        if scenario and by in ("next", "default"):
            self.mx.control("PUT", "/bindings", {"next": [scenario]} if by == "next" else {"default": scenario})
        institution = f"mock_{scenario}" if by == "institution" else OAUTH_BANK if oauth else "mxbank"
        institution = fields.pop("institution", institution)
        if oauth:
            body = {"member": {"institution_code": institution, "is_oauth": True, **fields}}
            member: dict[str, Any] = self.mx.call("POST", f"/users/{self.user}/members", body, headers=headers)[
                "member"
            ]
        else:
            member = self.mx.create(self.user, institution=institution, headers=headers, **fields)
        return self.watch(member)

    def watch(self, member: dict[str, Any]) -> dict[str, Any]:
        """Takes a member as the one that is spoken of."""
        self.member = member["guid"]
        self.path = f"/users/{self.user}/members/{self.member}"
        return member

    def script(self, flows: str, *, name: str = "mine", more: str = "") -> None:
        """Puts a scenario into the library. ``flows`` is YAML, as is ``more`` at the top of the file."""
        self.mx.put_scenario(name, f"name: {name}\nprovider: mx\n{dedent(more)}\nflows:\n{indent(dedent(flows), '  ')}")

    def call(self, job: str, *, status: int | None = None, **more: Any) -> Any:
        """Starts a job: aggregate, verify, identify, check_balance, extend_history, fetch_statements, fetch_rewards."""
        return self.mx.call("POST", f"{self.path}/{job}", status=status, **more)

    def login(
        self, password: str, *, institution: str = "mxbank", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """New credentials."""
        body = {"member": {"credentials": self.mx.credentials(institution, password=password)}}
        member: dict[str, Any] = self.mx.call("PUT", self.path, body, headers=headers)["member"]
        return member

    def answer(self, *values: str) -> dict[str, Any]:
        """Answers the open challenges."""
        return self.mx.answer(self.user, self.member, *values)

    def advance(self, by: str) -> list[str]:
        """Moves the clock; what came in on the way."""
        self.mx.advance(by)
        return self.lines()

    def move(self, scenario: str, flow: str | None = None) -> None:
        """Moves the member to another scenario."""
        self.mx.control("PUT", f"/subjects/{self.member}/scenario", {"scenario": scenario, "flow": flow})

    # seeing

    def lines(self) -> list[str]:
        """The callbacks about the member that have come in since the last look, one line each: when (seconds), what,
        what it says.
        """
        self.mx.advance("0s")
        new = self.receiver.received[self._seen :]
        self._seen += len(new)
        new = [
            item for item in new if not {"insight", "enabled_channels"} & (item["json"] or {}).keys()
        ]  # those are about the user
        return [
            f"{int(parsedate_to_datetime(item['headers']['Date']).timestamp()) - START} {self._line(item['json'])}"
            for item in new
        ]

    def skip(self) -> None:
        """Takes what has come in as seen, whatever it is."""
        self._seen = len(self.receiver.received)

    def _line(self, body: dict[str, Any] | None) -> str:
        if body is None:
            return "damaged"
        if "member" in body:
            member = body["member"]
            assert (member["guid"], member["user_guid"], member["user_id"]) == (self.member, self.user, self.user_id)
            assert member["connection_status_id"] == STATUSES[member["connection_status"]].number
            return f"{body['action']} {_said(member)}"
        assert (body["member_guid"], body["user_guid"]) == (self.member, self.user)
        if body["type"] == "CONNECTION_STATUS":
            assert body["connection_status_id"] == STATUSES[body["connection_status"]].number
            return f"{body['action']} {body['connection_status']}"
        return " ".join([body["type"], *_counts(body)])

    def state(self) -> str:
        """The member as a poll shows it: status, busy or idle, in (the bank took the login) or out, times of the last
        job.
        """
        member = self.mx.status(self.user, self.member)
        way = "in" if member["is_authenticated"] else "out"
        seconds = {name: _seconds(member[name]) for name in ("aggregated_at", "successfully_aggregated_at")}
        return f"{_said(member | seconds)} {way}"

    def wants_credentials(self) -> bool:
        """The flag of the member itself."""
        needs: bool = self.mx.call("GET", self.path)["member"]["needs_updated_credentials"]
        return needs

    def statuses(self) -> list[str]:
        """All statuses of the member in their order, as its timeline has them."""
        moments = self.mx.control("GET", f"/subjects/{self.member}")["timeline"]
        found = [moment["status"] for moment in moments if moment["status"]]
        return [status for status, before in zip(found, [None, *found], strict=False) if status != before]

    def question(self) -> dict[str, Any]:
        """The only open challenge."""
        (challenge,) = self.mx.status(self.user, self.member)["challenges"]
        found: dict[str, Any] = challenge
        return found

    def total(self, what: str) -> int:
        """How many records a list of the member's has: accounts, transactions, account_numbers, statements."""
        entries: int = self.mx.call("GET", f"{self.path}/{what}")["pagination"]["total_entries"]
        return entries


def _seconds(moment: str | None) -> int | None:
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp())


def _said(member: dict[str, Any]) -> str:
    """Status and flags of a member, and from when to when its last jobs ran, in seconds since the start."""
    words = [member["connection_status"], "busy" if member["is_being_aggregated"] else "idle"]
    if member.get("needs_updated_credentials"):
        words.append("wants-credentials")
    times = [member["aggregated_at"], member["successfully_aggregated_at"]]
    if any(times):
        words.append("/".join("-" if time is None else str(time - START) for time in times))
    return " ".join(words)


def _counts(body: dict[str, Any]) -> list[str]:
    """What a finished process brought: new or nothing (how much is the data profile's affair); in the background or
    not.
    """
    created = [value for name, value in body.items() if name.endswith("_created_count")]
    words = ["new" if any(created) else "nothing"] if created else []
    words += [f"{len(body['accounts'])} account"] if "accounts" in body else []
    return words + (["background"] if body.get("is_background") else [])

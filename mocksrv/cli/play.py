"""Plays one subject of a scenario from its beginning to its rest: what `demo` does over HTTP and `simulate` without a server.

Whoever plays it makes the calls and moves the time; this module knows what comes next for an MX member. Other providers' plays are
kinds of this one; `plays` knows them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mocksrv.engine.clock import DAY, SECOND
from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import DEFAULT
from mocksrv.engine.scenario import Scenario
from mocksrv.engine.store import Record

MOST_ROUNDS = 20  # of questions; more is a script that asks for ever
LONGEST = 2 * DAY  # sandbox time that is played unless more is asked for
# The calls that start the flows a scenario may write, in the order in which they are played; {} is the member's path.
CALLS: Mapping[str, tuple[str, str]] = {
    "update": ("PUT", "{}"),
    "aggregate": ("POST", "{}/aggregate"),
    "verify": ("POST", "{}/verify"),
    "identify": ("POST", "{}/identify"),
    "balance": ("POST", "{}/check_balance"),
    "history": ("POST", "{}/extend_history"),
    "statements": ("POST", "{}/fetch_statements"),
    "rewards": ("POST", "{}/fetch_rewards"),
}
UNANSWERED = frozenset({"challenge-expired"})  # scenarios that show what comes when the user does not answer
OAUTH_BANK = "mx_bank_oauth"
USERNAME, PASSWORD, CHANGED = "tester", "secret", "changed"


class Stage(Protocol):
    """Where it is played."""

    engine: Engine

    def call(self, method: str, path: str, body: Any = None, *, scenario: str | None = None) -> Any:
        """One call; its JSON."""

    def move_to(self, moment: int) -> None:
        """Moves the sandbox's time to a moment (ms), and waits for what happens on the way."""

    def look(self, path: str, *, counts: bool) -> None:
        """Time has passed; the subject's status may be read at this path, and must be when the scenario counts the reads."""

    def say(self, text: str) -> None:
        """Something happens that is neither a call nor a change."""


@dataclass(frozen=True)
class Choices:
    """What the user does. ``answers``: one text for each round of questions, then the right ones; ``oauth``: approve or deny at the
    bank's page, None: what the script says; ``span``: how much sandbox time is played (ms)."""

    answers: Sequence[str] = ()
    oauth: str | None = None
    span: int | None = None


class Play:
    """One member of one scenario on a stage."""

    refresh = "background"  # the flow that runs by itself

    def __init__(self, stage: Stage, scenario: Scenario, choices: Choices) -> None:
        self.stage = stage
        self.engine = stage.engine
        self.scenario = scenario
        self.choices = choices
        self.sandbox = self.engine.sandbox(DEFAULT)
        self.end = self.sandbox.now() + (LONGEST if choices.span is None else choices.span)
        self.user = self.member = ""
        self.complete = True  # False: it was stopped before it came to rest
        self._answers = iter(choices.answers)
        self._rounds = 0
        self._silent_about = ""  # the guid of a question that is not to be answered
        self._asked_at_bank = False

    @property
    def path(self) -> str:
        """The member's path."""
        return f"/users/{self.user}/members/{self.member}"

    @property
    def status_path(self) -> str:
        """Where the subject's status is read."""
        return f"{self.path}/status"

    def run(self) -> None:
        """Plays `connect` (or `oauth`), then the calls whose flows the scenario itself writes, then its daily refresh."""
        self._create()
        self._until_rest()
        for flow in CALLS:
            if flow in self.scenario.flows and self.subject() is not None and self.complete:
                self._start(flow)
                self._until_rest()
        if self.choices.span is not None or self.refresh in self.scenario.flows:
            self._go_on_resting()

    def subject(self) -> Record | None:
        """The member as stored; None when it is gone."""
        with self.engine.look(self.sandbox) as world:
            return world.subject(self.member)

    def found(self) -> str:
        """What an app would read now, in words."""
        accounts = self.stage.call("GET", f"/users/{self.user}/accounts")["accounts"]
        transactions = self.stage.call("GET", f"/users/{self.user}/transactions")["pagination"]["total_entries"]
        shown = ", ".join(f"{account['name']} {account['balance']:,.2f}" for account in accounts[:4] if account["balance"] is not None)
        more = ", ..." if len(accounts) > 4 else ""
        have = f"{counted(len(accounts), 'account')} ({shown}{more})" if accounts else "no accounts"
        return f"{have}, {counted(transactions, 'transaction')}"

    def _create(self) -> None:
        oauth = self.choices.oauth is not None or self.engine.library.writes(self.scenario, "oauth")
        self.user = self.stage.call("POST", "/users", {"user": {"metadata": "made by mocksrv"}})["user"]["guid"]
        bank = OAUTH_BANK if oauth else f"mock_{self.scenario.name}"
        member: dict[str, Any] = {"institution_code": bank}
        member |= {"is_oauth": True} if oauth else {"credentials": self._credentials(bank, PASSWORD)}
        answer = self.stage.call("POST", f"/users/{self.user}/members", {"member": member}, scenario=self.scenario.name if oauth else None)
        self.member = answer["member"]["guid"]

    def _credentials(self, bank: str, password: str) -> list[dict[str, str]]:
        form = self.stage.call("GET", f"/institutions/{bank}/credentials")["credentials"]
        return [{"guid": field["guid"], "value": password if field["field_type"] == "PASSWORD" else USERNAME} for field in form]

    def _start(self, flow: str) -> None:
        method, path = CALLS[flow]
        body = None
        if flow == "update":
            subject = self.subject()
            bank = subject.body["institution_code"] if subject else ""
            body = {"member": {"credentials": self._credentials(bank, CHANGED)}}
        self.stage.call(method, path.format(self.path), body)

    def _until_rest(self) -> None:
        while self.complete:
            subject = self.subject()
            play = (subject.play or {}) if subject else {}
            if not play.get("job"):
                return
            if self._act(subject, play):
                continue
            self._wait(polls=bool(play.get("polls")))

    def _wait(self, *, polls: bool) -> None:
        """Lets time pass until the next thing falls due, or for a second until the next poll."""
        moments = [moment for moment in (self._due(), self.sandbox.now() + SECOND if polls else None) if moment is not None]
        moment = min(moments, default=self.end + 1)
        self.complete = moment <= self.end
        self.stage.move_to(min(moment, self.end))
        self.stage.look(self.status_path, counts=polls)

    def _go_on_resting(self) -> None:
        """Plays the daily refresh: once, or as often as the time allows that was asked for."""
        while self.complete and (moment := self._due() or self.end + 1) <= self.end:
            self.stage.move_to(moment)
            self.stage.look(self.status_path, counts=False)
            self._until_rest()
            if self.choices.span is None:
                return
        if self.choices.span is not None:
            self.stage.move_to(self.end)

    def _due(self) -> int | None:
        """When the next thing falls due."""
        with self.engine.store.read() as tx:
            timer = tx.next_timer(self.sandbox.name)
        return timer[3] if timer else None

    def _act(self, subject: Record | None, play: Mapping[str, Any]) -> bool:
        """What the user does now, if there is something to do."""
        if play.get("ask"):
            return self._answer(play["ask"])
        if play.get("consent") and self.choices.oauth and not self._asked_at_bank and subject is not None:
            self._asked_at_bank = True
            self.stage.say(f"the user {'approves' if self.choices.oauth == 'approve' else 'denies'} at the bank's page")
            with self.engine.change(self.sandbox) as world:
                world.cancel_timers(subject.guid, "auto")  # the user comes before the scenario's own answer
                self.engine.player.consent(world, subject, self.choices.oauth == "approve")
            return True
        return False

    def _answer(self, ask: Mapping[str, Any]) -> bool:
        first = ask["challenges"][0]["guid"]
        if first == self._silent_about:
            return False
        given = next(self._answers, None)
        self._rounds += 1
        if given == "" or self._rounds > MOST_ROUNDS or (given is None and self.scenario.name in UNANSWERED):
            self._silent_about = first
            self.stage.say("the user does not answer")
            return False
        values = list(_right(ask)) if given is None else list(_spread(given, len(ask["challenges"])))
        answers = [{"guid": challenge["guid"], "value": value} for challenge, value in zip(ask["challenges"], values, strict=True)]
        self.stage.call("PUT", f"{self.path}/resume", {"member": {"challenges": answers}})
        return True


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _right(ask: Mapping[str, Any]) -> Iterator[str]:
    """The right answer to each question of a round; where any will do, the first option."""
    for challenge, right in zip(ask["challenges"], ask["right_answers"], strict=True):
        options = challenge.get("options") or challenge.get("image_options") or [{"value": "anything"}]
        yield str(right[0] if right else options[0]["value"])


def _spread(given: str, count: int) -> Iterator[str]:
    """A text as the answers to so many questions: its parts at '|', the last one for all that are left."""
    parts = given.split("|", count - 1)
    for place in range(count):
        yield parts[min(place, len(parts) - 1)]

"""What the demos of all providers share: they make calls, let time pass, and give answers until the job is done.

A `Runner` makes the calls and moves the time; a provider's `Demo` knows what comes next.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from mocksrv.engine.clock import DAY, SECOND
from mocksrv.engine.play import Asked
from mocksrv.engine.sandbox import DEFAULT
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.storage.records import Record

if TYPE_CHECKING:
    from mocksrv.engine.engine import Engine

MOST_ROUNDS = 20  # of questions; more is a script that asks for ever
LONGEST = 2 * DAY  # sandbox time that is played unless more is asked for


class Runner(Protocol):
    """Where it is played. ``headers`` go with every call, ``callbacks`` is where an app would want them (None:
    nowhere).
    """

    engine: Engine
    headers: dict[str, str]
    callbacks: str | None

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        refusals: Collection[int] = (),
    ) -> Any:
        """One call; its JSON. ``refusals`` are statuses that are as good as a success; others raise a click error."""

    def move_to(self, moment: int) -> None:
        """Moves the sandbox's time to a moment (ms), and waits for what happens on the way."""

    def look(self, path: str, *, counts: bool) -> None:
        """Time has passed; the subject's status may be read at this path, and must be when the scenario counts the
        reads.
        """

    def say(self, text: str) -> None:
        """Something happens that is neither a call nor a change."""


@dataclass(frozen=True)
class Choices:
    """What the user does. ``answers``: one text for each round of questions, then the right ones; ``oauth``: at the
    bank's page, a key of `OUTCOMES`, None: what the script says; ``acts``: the user does what the script has happen
    there by itself; ``span``: how much sandbox time is played (ms).
    """

    answers: Sequence[str] = ()
    oauth: str | None = None
    acts: bool = False
    span: int | None = None


class DemoCall(NamedTuple):
    """A call of the demo's app that is written down, for whoever makes it: a page, or a person with curl.

    ``{name}`` in path, body and headers stands for what an earlier call has kept: ``keeps`` are paths into its answer,
    ``user.guid`` or ``credentials.0.guid``, by name; ``{time}`` for the time in seconds. The path is below the
    sandbox's URL.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}
    keeps: Mapping[str, str] = {}


class DemoError(Exception):
    """The choices cannot be played; the message says why."""


class Demo(ABC):
    """One subject of one scenario on a runner. The class knows how its provider's calls, answers and callbacks are told
    in a line.
    """

    headers: ClassVar[Mapping[str, str]] = {}  # of an app that calls the provider
    refresh: ClassVar[str] = ""  # the flow that runs by itself
    probe: ClassVar[str] = ""  # the event that is sent inside a call, and so has no delivery
    flags: ClassVar[Mapping[str, str]] = {}  # members of the subject that are true or false, and how they are told
    silent: ClassVar[Collection[str]] = ()  # scenarios that show what comes when the user does not answer
    connects: ClassVar[Sequence[DemoCall]] = ()  # how one subject is connected, with the headers above

    def __init__(self, runner: Runner, scenario: Scenario, choices: Choices) -> None:
        self.runner = runner
        self.engine = runner.engine
        self.scenario = scenario
        self.choices = choices
        self.sandbox = self.engine.sandbox(DEFAULT)
        self.end = self.sandbox.now() + (LONGEST if choices.span is None else choices.span)
        self.guid = ""  # of the subject
        self.complete = True  # False: it was stopped before it was done
        self._answers = iter(choices.answers)
        self._rounds = 0
        self._silent_about = ""  # the guid of a question that is not to be answered
        self._asked_at_bank = False
        runner.headers.update(self.headers)

    # what each provider has of its own

    @property
    @abstractmethod
    def status_path(self) -> str:
        """Where the subject's status is read."""

    @abstractmethod
    def run(self) -> None:
        """Plays the scenario, from the subject's beginning until its jobs are done."""

    def found(self) -> str:
        """What an app would read now, in words."""
        return f"it is {self.status()}"

    def give(self, asked: Asked, answers: Sequence[str]) -> None:
        """The user answers the open questions, in their order: here on a page of the provider's, not by a call."""
        self.runner.say(f"the user answers: {', '.join(answers)}")
        given = {each.guid: value for each, value in zip(asked.challenges, answers, strict=True)}
        with self.engine.change(self.sandbox) as world:
            subject = world.subject(self.guid)
            if subject is not None:
                self.engine.player.answer(world, subject, given)

    @staticmethod
    def names(answer: Mapping[str, Any]) -> Mapping[str, str]:
        """The ids in an answer that get short names on the screen."""
        return {}

    @staticmethod
    def shortened(path: str) -> str:
        """What matters of the path of a call: its last part."""
        return path.rpartition("/")[2]

    @staticmethod
    def sent(body: Mapping[str, Any]) -> str:
        """What the user has said, in the body of a call; empty if nothing."""
        return ""

    @staticmethod
    def answered(answer: Mapping[str, Any]) -> str:
        """What matters of an answer."""
        return str(answer.get("message") or answer.get("status") or "")

    @staticmethod
    def told(callback: Mapping[str, Any]) -> str:
        """A callback in a few words."""
        return " ".join(str(value) for value in callback.values() if isinstance(value, str))

    # what is the same for all

    def subject(self) -> Record | None:
        """The subject as stored; None when it is gone."""
        with self.engine.look(self.sandbox) as world:
            return world.subject(self.guid)

    def status(self) -> str | None:
        """The subject's status; None when it has none, or is gone."""
        subject = self.subject()
        return self.engine.player.role(subject).status(subject) if subject else None

    def look(self, *, counts: bool) -> None:
        """Reads the subject's status, as an app would that knows of nothing."""
        self.runner.look(self.status_path, counts=counts)

    def until_done(self) -> None:
        """Lets time pass, and the user answer, until the job is over."""
        while self.complete:
            subject = self.subject()
            if subject is None or subject.job is None:
                return
            if self._act(subject):
                continue
            self._wait(polls=subject.playing.polls > 0)

    def next_due(self) -> None:
        """Moves on to what falls due next, as far as the time that is played reaches, and plays that to its end."""
        moment = self.due()
        if moment is not None and moment <= self.end:
            self.runner.move_to(moment)
            self.look(counts=False)
            self.until_done()

    def until_end(self) -> None:
        """Plays what comes by itself: once, or as often as the time allows that was asked for."""
        while self.complete and (self.due() or self.end + 1) <= self.end:
            self.next_due()
            if self.choices.span is None:
                return
        if self.choices.span is not None:
            self.runner.move_to(self.end)

    def due(self) -> int | None:
        """When the next thing falls due."""
        with self.engine.store.read() as tx:
            timer = tx.next_timer(self.sandbox.name)
        return timer.due if timer else None

    def _wait(self, *, polls: bool) -> None:
        """Lets time pass until the next thing falls due, or for a second until the next poll."""
        moments = [
            moment for moment in (self.due(), self.sandbox.now() + SECOND if polls else None) if moment is not None
        ]
        moment = min(moments, default=self.end + 1)
        self.complete = moment <= self.end
        self.runner.move_to(min(moment, self.end))
        self.look(counts=polls)

    def _act(self, subject: Record) -> bool:
        """What the user does now, if there is something to do."""
        play = subject.playing
        if play.asked is not None:
            return self._answer(play.asked)
        if play.consent is not None and not self._asked_at_bank:
            does = self.choices.oauth or (play.consent.auto if self.choices.acts else None)
            if does:
                self._asked_at_bank = True
                self.runner.call("POST", f"/_mocksrv/subjects/{self.guid}/act", {"do": does})
                return True
        return False

    def _answer(self, asked: Asked) -> bool:
        first = asked.challenges[0].guid
        if first == self._silent_about:
            return False
        given = next(self._answers, None)
        self._rounds += 1
        if given == "" or self._rounds > MOST_ROUNDS or (given is None and self.scenario.name in self.silent):
            self._silent_about = first
            self.runner.say("the user does not answer")
            return False
        self.give(asked, list(_right(asked)) if given is None else list(_spread(given, len(asked.challenges))))
        return True


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _right(asked: Asked) -> Iterator[str]:
    """The right answer to each question of a round; where any will do, the first option."""
    for challenge in asked.challenges:
        yield next(iter(challenge.right or (option.value for option in challenge.options)), "anything")


def _spread(given: str, count: int) -> Iterator[str]:
    """A text as the answers to so many questions: its parts at '|', the last one for all that are left."""
    parts = given.split("|", count - 1)
    for place in range(count):
        yield parts[min(place, len(parts) - 1)]

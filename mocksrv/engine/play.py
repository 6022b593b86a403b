"""Where a subject stands in its scenario: its play, the job that runs, and what it waits for.

Nothing else knows how a play is kept. It is stored as JSON beside its record; the store looks into it for ``$.polls``
alone, to find who waits for reads of a status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, Self, TypeVar, cast

Details = TypeVar("Details")


class PlayError(Exception):
    """What is stored is no play that this version has written; the message says which key of what."""


class Place(NamedTuple):
    """The step that was played last. ``step`` counts from 0, ``line`` from 1."""

    flow: str
    step: int
    file: str
    line: int


@dataclass(slots=True)
class OpenOption:
    """A choice that is offered. ``image`` is a data URI, or None for the provider's stock picture."""

    guid: str
    label: str
    value: str
    image: str | None = None


@dataclass(slots=True)
class OpenChallenge:
    """A question that waits for its answer. ``right`` are the answers that are right; None: any is.

    Every round of questions has new guids. ``image`` is as of an option.
    """

    guid: str
    type: str
    label: str
    field_name: str | None = None
    image: str | None = None
    options: list[OpenOption] = field(default_factory=list)
    right: list[str] | None = None

    def meaning(self, given: str) -> list[str]:
        """What an answer means: its text, and for an option both value and label, the value first."""
        for option in self.options:
            if given in (option.value, option.label, option.guid):
                return [option.value, option.label]
        return [given]

    def accepts(self, meaning: Sequence[str]) -> bool:
        return self.right is None or not set(self.right).isdisjoint(meaning)


@dataclass(slots=True)
class Asked:
    """A round of challenges and the flows that lead on from it.

    ``answers`` are flows by particular answers; ``right``, ``wrong`` and ``silent`` may be None where the scenario does
    not write them. ``selects``: the first answer chooses from a list that the provider made.
    """

    challenges: list[OpenChallenge]
    selects: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    right: str | None = None
    wrong: str | None = None
    silent: str | None = None


@dataclass(slots=True)
class OpenConsent:
    """The bank's page waits. The flows that lead on; ``auto``: what happens there by itself (as `Consent`)."""

    approved: str | None = None
    denied: str | None = None
    cancelled: str | None = None
    failed: str | None = None
    silent: str | None = None
    auto: str | None = None


@dataclass(slots=True, eq=False)
class Job:
    """A job that runs on a subject, begun at ``started_at`` (ms).

    ``skip``: only its opening status is entered, nothing is fetched. ``supersedes``: it took the place of the job that
    the subject's creation had started, and plays that one's flow. ``loaded``: the scenario has brought data itself.
    ``done``: it has ended well. ``stopped``: it could not go on. ``selected``: the choice from the provider's list.
    """

    name: str
    started_at: int
    skip: bool = False
    supersedes: bool = False
    loaded: bool = False
    done: bool = False
    stopped: bool = False
    selected: str | None = None
    attempt: str = ""  # the status that it has come to, as the scenario writes it
    kept: object | None = None  # the provider's details: as a dataclass, or still as they were stored

    def details(self, kind: type[Details]) -> Details:
        """What the provider keeps with the job: an instance of its dataclass, whose fields all have defaults.

        Changes of it are stored with the play. Raises PlayError when what is stored has other fields.
        """
        if not isinstance(self.kept, kind):
            try:
                self.kept = kind(**cast("Mapping[str, Any]", self.kept or {}))
            except TypeError as fault:
                raise PlayError(f"the details of a stored job {self.name!r} cannot be read: {fault}") from None
        return self.kept

    def dump(self) -> dict[str, Any]:
        kept = _written(self, "kept")
        details = self.kept if self.kept is None or isinstance(self.kept, dict) else _written(self.kept)
        return kept | {"kept": details} if details else kept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and self.dump() == other.dump()


@dataclass(slots=True)
class Play:
    """Where a subject stands in ``scenario``, which was chosen ``by`` header, institution, next, login, hand ….

    It goes on with ``step`` (counted from 0) of ``flow``. ``login``: what is played is the login part that comes before
    a job's own flow. ``renewed``: the present credentials came by an update. ``renewable``: the bank's page may be
    agreed to anew, though the subject does not wait for it; ``renewable_skip``: nothing is fetched then. ``outcome``:
    what was done there last, of `OUTCOMES`; empty since it was asked for.
    ``started_in``: the scenario in which the running job began, if the subject was moved meanwhile. ``instead``: the
    flows that jobs play in place of those of their names, until the subject is moved. ``at``: the step that was played
    last. ``acted``: the last of the acts, as the vocabulary counts them, that a person has done.

    ``attempts``: the moments (ms) of failures that may lead to a status, by that status; ``succeeded_at``: when a job
    last ended well. ``counted``: why a status was entered that the scenario does not write; empty when it does.

    A subject waits for one thing at most: a timer of the sandbox, so many ``polls``, an ``act``, answers (``asked``),
    or the bank's page (``consent``).
    """

    provider: str
    scenario: str
    by: str
    job: Job | None = None
    flow: str | None = None
    step: int = 0
    login: bool = False
    renewed: bool = False
    renewable: bool = False
    renewable_skip: bool = False
    outcome: str = ""
    started_in: str | None = None
    instead: dict[str, str] = field(default_factory=dict)
    at: Place | None = None
    acted: int = 0
    attempts: dict[str, list[int]] = field(default_factory=dict)
    succeeded_at: int | None = None
    counted: str = ""
    polls: int = 0
    act: int = 0
    asked: Asked | None = None
    consent: OpenConsent | None = None

    def stop_waiting(self) -> None:
        """Nothing is waited for any more; a timer is the sandbox's to cancel."""
        self.polls = self.act = 0
        self.asked = self.consent = None

    def dump(self) -> dict[str, Any]:
        """The play as JSON: without what is as it always begins."""
        kept = _written(self, "job", "asked", "consent")
        if self.job is not None:
            kept["job"] = self.job.dump()
        if self.asked is not None:
            challenges = [
                _written(each, "options") | {"options": [_written(option) for option in each.options]}
                for each in self.asked.challenges
            ]
            kept["asked"] = _written(self.asked, "challenges") | {"challenges": challenges}
        if self.consent is not None:
            kept["consent"] = _written(self.consent)
        return kept

    @classmethod
    def load(cls, kept: dict[str, Any]) -> Self:
        """The play of what `dump` gave, which it takes over. Raises PlayError when there is a key that is not known."""
        try:  # every poll comes here: no call that can be spared
            if "job" in kept:
                kept["job"] = Job(**kept["job"])
            if "at" in kept:
                kept["at"] = Place(*kept["at"])
            if "asked" in kept:
                kept["asked"] = _asked(**kept["asked"])
            if "consent" in kept:
                kept["consent"] = OpenConsent(**kept["consent"])
            return cls(**kept)
        except TypeError as fault:
            raise PlayError(f"a stored play cannot be read: {fault}") from None


def _asked(challenges: list[dict[str, Any]], **others: Any) -> Asked:
    return Asked([_challenge(**each) for each in challenges], **others)


def _challenge(options: Sequence[dict[str, Any]] = (), **others: Any) -> OpenChallenge:
    return OpenChallenge(**others, options=[OpenOption(**each) for each in options])


def _written(made: Any, *but: str) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults, but for some."""
    kind: Any = type(made)
    defaults, values_of = _fields(kind, but)
    return {
        name: value
        for (name, default), value in zip(defaults, values_of(made), strict=True)
        if value is not default and value != default
    }


@cache
def _fields(kind: Any, but: Sequence[str]) -> tuple[Sequence[tuple[str, Any]], Callable[[Any], Sequence[Any]]]:
    """The fields of a dataclass, but for some, with what they are when nothing is said (MISSING where something must
    be), and what gets their values; every call of the API comes here: at once, not one by one.
    """
    defaults = [
        (each.name, each.default if each.default_factory is MISSING else each.default_factory())
        for each in fields(kind)
        if each.name not in but
    ]
    names = [name for name, _ in defaults]
    return defaults, attrgetter(*names) if len(names) > 1 else lambda made: [getattr(made, name) for name in names]

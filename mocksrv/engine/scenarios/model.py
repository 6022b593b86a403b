"""What a scenario file says, as values: scenarios and their steps.

Durations are integer milliseconds. All values are immutable by convention: the library shares them between threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

ANSWER_WAIT_MS = 600_000  # how long a challenge waits for its answer when the file does not say


# what a person does at the bank's page -> the key for the flow to go on in
OUTCOMES = {"approve": "approved", "deny": "denied", "cancel": "cancelled", "fail": "failed"}
ANSWER, EXPIRE = "answer", "expire"
ACTS = (*OUTCOMES, EXPIRE, ANSWER)  # what a person does there or in a widget


class Option(NamedTuple):
    """One choice of a challenge."""

    label: str
    value: str
    image: str | None = None


class Challenge(NamedTuple):
    """One question. ``answer`` None means that any answer is right; ``options`` may be the name of a list that the
    provider makes.

    ``image`` is a data URI, or None for the provider's stock picture.
    """

    type: str
    label: str
    answer: tuple[str, ...] | None = None
    options: tuple[Option, ...] | str | None = None
    image: str | None = None
    field_name: str | None = None


class Ask(NamedTuple):
    """A round of challenges and the flows that its answers lead to (None: what the language says for unwritten
    ones).
    """

    challenges: tuple[Challenge, ...]
    wait_ms: int = ANSWER_WAIT_MS
    right: str | None = None
    wrong: str | None = None
    silent: str | None = None
    answers: Mapping[str, str] = {}


class Consent(NamedTuple):
    """Waiting for the bank's page (``oauth``). ``auto`` is one of `OUTCOMES` or None."""

    wait_ms: int | None = None
    approved: str | None = None
    denied: str | None = None
    cancelled: str | None = None
    failed: str | None = None
    silent: str | None = None
    auto: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow; ``index`` counts from 0, ``line`` from 1.

    ``fault`` has the keys on, status, times, delay_ms, drop; ``webhooks`` has off and those of a `Disturbance`; both
    only those that the file writes.
    """

    flow: str
    index: int
    file: str
    line: int
    after_ms: int = 0
    after_polls: int = 0
    status: str | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    data: str | None = None
    fault: Mapping[str, Any] | None = None
    event: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    webhooks: Mapping[str, Any] = field(default_factory=dict)
    ask: Ask | None = None
    oauth: Consent | None = None
    then: str | None = None
    delete: bool = False

    @property
    def waits(self) -> bool:
        """True when time passes, or somebody must act, before the play goes on."""
        return bool(self.after_ms or self.after_polls or self.ask or self.oauth)

    def targets(self) -> list[tuple[str, str]]:
        """The flows this step may go on in, each with the word that leads there (``then``, ``right``, an answer …)."""
        found = [("then", self.then)]
        if self.ask:
            found += self.ask.answers.items()
            found += [("right", self.ask.right), ("wrong", self.ask.wrong), ("silent", self.ask.silent)]
        if self.oauth:
            found += [(word, getattr(self.oauth, word)) for word in (*OUTCOMES.values(), "silent")]
        return [(word, flow) for word, flow in found if flow is not None]


class Login(NamedTuple):
    """A login that chooses its scenario by itself; a key that is None matches anything.

    ``line`` and ``column`` are where the file writes it.
    """

    institution: str | None = None
    username: str | None = None
    password: str | None = None
    line: int = 1
    column: int = 1

    @property
    def keys(self) -> int:
        """How many keys are written: more win."""
        return sum(key is not None for key in (self.institution, self.username, self.password))

    def matches(self, institution: str | None, username: str | None, password: str | None) -> bool:
        """True when every written key equals what was used."""
        written = zip((self.institution, self.username, self.password), (institution, username, password), strict=True)
        return all(key is None or key == used for key, used in written)

    def ties(self, other: Login) -> bool:
        """True when some login matches both and neither has more keys."""
        pairs = zip(
            (self.institution, self.username, self.password),
            (other.institution, other.username, other.password),
            strict=True,
        )
        return self.keys == other.keys and all(a is None or b is None or a == b for a, b in pairs)


@dataclass(frozen=True, eq=False)
class Scenario:
    """A scenario file. ``flows`` are only those written in it; ``Library.flow`` also knows what it extends."""

    name: str
    provider: str
    summary: str
    logins: tuple[Login, ...]
    extends: str | None
    flows: Mapping[str, tuple[Step, ...]]
    file: str
    text: str
    counting: bool | None = None  # None: as in what it extends, else on


class Relatives(Protocol):
    """Who knows the other scenarios: ``Library``, or a stand-in of a test."""

    def parent(self, provider: str, name: str) -> Scenario | None:
        """The scenario of that name, or None."""

    def names(self, provider: str) -> list[str]:
        """All scenario names of a provider, sorted."""

    def default_flows(self, provider: str) -> Mapping[str, tuple[Step, ...]]:
        """What flows do that no scenario writes."""

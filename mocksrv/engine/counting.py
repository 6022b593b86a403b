"""Statuses that a subject reaches because of how often it has failed, by rules that the provider's role declares.

An attempt is what a job comes to: the status of a rule that a scenario writes. What is counted is what was written,
whatever was entered instead of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mocksrv.engine.clock import duration_text
from mocksrv.engine.play import Play


class Count(NamedTuple):
    """The ``times``-th of the statuses ``of`` enters ``status`` instead.

    ``within``: only if so many lie within this time (ms, ends included); None: only if they came in a row, whatever
    the time. ``without_success``: only if the last success, or else the subject's creation, is as long ago (ms).
    """

    status: str
    of: frozenset[str]
    times: int = 3
    within: int | None = None
    without_success: int = 0

    def __str__(self) -> str:
        """Why the status was entered, for the timeline."""
        how = "in a row" if self.within is None else f"within {duration_text(self.within)}"
        since = f", {duration_text(self.without_success)} without a success" if self.without_success else ""
        return f"counted: {self.times} times {' or '.join(sorted(self.of))} {how}{since}: {self.status}"


class Counting(NamedTuple):
    """The rules of a provider, of which the first that applies wins; ``passing`` are statuses on the way, which are no
    end of an attempt.
    """

    rules: Sequence[Count] = ()
    passing: frozenset[str] = frozenset()

    def counts(self, status: str) -> bool:
        """Whether entering this status is an attempt that some rule counts."""
        return any(status in rule.of for rule in self.rules)

    def enter(self, play: Play, status: str, now: int, created: int) -> Count | None:
        """Takes down in the play what a job has come to; the rule by which another status is entered instead.

        ``now`` and ``created`` (the subject's) are moments in ms. The same status again in the same job, with none
        other in between, is one attempt.
        """
        if not self.rules:
            return None
        job = play.job
        if job is not None and job.attempt != status and status not in self.passing:
            for rule in self.rules:
                if status in rule.of:
                    play.attempts[rule.status] = [*play.attempts.get(rule.status, []), now][-rule.times :]
                elif rule.within is None:
                    play.attempts.pop(rule.status, None)
        if job is not None:
            job.attempt = status
        since = created if play.succeeded_at is None else play.succeeded_at
        return next((rule for rule in self.rules if status in rule.of and _applies(rule, play, now, since)), None)


def _applies(rule: Count, play: Play, now: int, since: int) -> bool:
    moments = play.attempts.get(rule.status, [])
    if len(moments) < rule.times or now - since < rule.without_success:
        return False
    return rule.within is None or now - moments[0] <= rule.within


NOTHING_COUNTS = Counting()

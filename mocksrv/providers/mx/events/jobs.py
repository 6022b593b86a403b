"""What MX keeps with a job of a member while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class MemberJob:
    """The details of a member's job.

    ``call`` started it (create, update, aggregate, ...), with ``headers`` that its callbacks may echo. ``fetch`` and
    ``tells``: what it fetches and which callbacks its good end sends, where the call says so. ``ready``: the callback
    of the first data has been sent. ``counts`` of what was fetched, by the names of the callbacks' fields;
    ``history_counts``: of the extended history, where it has a callback beside the aggregation's. ``accounts`` whose
    numbers were.
    """

    call: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    fetch: list[str] = field(default_factory=list)
    tells: list[str] = field(default_factory=list)
    ready: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    history_counts: dict[str, int] | None = None
    accounts: list[str] = field(default_factory=list)

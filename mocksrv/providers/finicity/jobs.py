"""What Finicity keeps with a job of a Connect session while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SessionJob:
    """The details of a session's job: the ``login`` that is refreshed (None: all), the ``reports`` that it ends."""

    login: str | None = None
    reports: list[str] = field(default_factory=list)

"""What was measured, as a table for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

COLUMNS = ("measure", "unit", "mocksrv", "peer", "ratio", "goal", "met")
PACKAGES = ("flask", "werkzeug", "gunicorn")


@dataclass(frozen=True)
class Goal:
    """What we want to reach; it is shown, and nothing fails on it. `of` is the value or the ratio that it speaks
    about.
    """

    text: str
    of: str
    reached: Callable[[float], bool]


GOALS = {
    "start": Goal("≤ 0.35 s", "mocksrv", lambda seconds: seconds <= 0.35),
    "memory idle": Goal("≤ 50 MB", "mocksrv", lambda megabytes: megabytes <= 50),
    "poll": Goal("≥ 1.2 × bare Flask", "ratio", lambda times: times >= 1.2),
    "callback p50": Goal("≤ 20 ms", "mocksrv", lambda milliseconds: milliseconds <= 20),
    "list": Goal("≤ 2 × the status poll", "ratio", lambda times: times <= 2),
    "connect": Goal("≤ 60 ms", "mocksrv", lambda milliseconds: milliseconds <= 60),
    "wire p50": Goal("≤ 5 ms", "mocksrv", lambda milliseconds: milliseconds <= 5),
    "wire p99": Goal("≤ 25 ms", "mocksrv", lambda milliseconds: milliseconds <= 25),
    "throughput": Goal("≥ 0.8 × the bare client", "ratio", lambda times: times >= 0.8),
    "hanging p99": Goal("≤ 100 ms", "mocksrv", lambda milliseconds: milliseconds <= 100),
    "hurry": Goal("≤ 5 s", "mocksrv", lambda seconds: seconds <= 5),
    "flat": Goal("≤ 1.1 × of the fewer", "ratio", lambda times: times <= 1.1),
    "here p99": Goal("≤ 100 ms", "mocksrv", lambda milliseconds: milliseconds <= 100),
    "here worst": Goal("≤ 400 ms", "mocksrv", lambda milliseconds: milliseconds <= 400),
    "elsewhere p99": Goal("≤ 50 ms", "mocksrv", lambda milliseconds: milliseconds <= 50),
    "elsewhere worst": Goal("≤ 250 ms", "mocksrv", lambda milliseconds: milliseconds <= 250),
    "dashboards": Goal("≥ 0.9 × with none", "ratio", lambda times: times >= 0.9),
    "share of dashboards": Goal("≤ 10 %", "mocksrv", lambda percent: percent <= 10),
    "test": Goal("≤ 40 ms", "mocksrv", lambda milliseconds: milliseconds <= 40),
    "plugin": Goal("≤ 30 ms", "mocksrv", lambda milliseconds: milliseconds <= 30),
    "fresh": Goal("≤ 5 ms", "mocksrv", lambda milliseconds: milliseconds <= 5),
    "start beside": Goal("≤ 1.2 × it", "ratio", lambda times: times <= 1.2),
    "reads of a sandbox": Goal("≥ it", "ratio", lambda times: times >= 1),
    "reads of a mock": Goal("≥ 4 × it", "ratio", lambda times: times >= 4),
    "p99 beside": Goal("≤ 2 × it", "ratio", lambda times: times <= 2),
    "crowd": Goal("≤ 300 MB", "mocksrv", lambda megabytes: megabytes <= 300),
    "size": Goal("≤ 1.2 × of 10 members", "ratio", lambda times: times <= 1.2),
}


@dataclass(frozen=True)
class Row:
    """One line: a value of mocksrv, the peer's beside it, or why there is none."""

    measure: str
    unit: str
    mocksrv: float | None = None
    peer: float | None = None
    goal: str | None = None
    note: str = ""
    against: str = ""  # the peer, where it is not the usual one

    @property
    def ratio(self) -> float | None:
        """mocksrv's value over the peer's."""
        return self.mocksrv / self.peer if self.mocksrv is not None and self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal or a value."""
        value = getattr(self, GOALS[self.goal].of) if self.goal else None
        return None if value is None or self.goal is None else GOALS[self.goal].reached(value)

    def cells(self) -> tuple[str, ...]:
        """The line as text, one cell per column."""
        goal = GOALS[self.goal].text if self.goal else ""
        met = {True: "yes", False: "no", None: ""}[self.met]
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        measure = f"{self.measure} ({self.against})" if self.against else self.measure
        return (measure, self.unit, number(self.mocksrv), number(self.peer), ratio, goal, met)


def number(value: float | None) -> str:
    """Three significant digits, or whole numbers with thousands separated."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(rows: Sequence[Row]) -> str:
    """The rows under their headings; notes stand at the end of their line."""
    lines = [COLUMNS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    numeric = {COLUMNS.index(name) for name in ("mocksrv", "peer", "ratio")}

    def text(line: tuple[str, ...]) -> str:
        return "  ".join(
            cell.rjust(width) if i in numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )

    notes = ["", *(row.note for row in rows)]
    shown = [f"{text(line)}  {note}".rstrip() for line, note in zip(lines, notes, strict=True)]
    return "\n".join([shown[0], "-" * len(text(COLUMNS)), *shown[1:]])


def machine() -> dict[str, str | int | None]:
    """What the numbers depend on: processor count, system, versions."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(), **versions}


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """The same as the table, numbers unrounded."""
    results = [
        asdict(row) | {"ratio": row.ratio, "met": row.met, "goal": GOALS[row.goal].text if row.goal else None}
        for row in rows
    ]
    path.write_text(json.dumps({"machine": machine(), "rows": results}, indent=2, ensure_ascii=False) + "\n")

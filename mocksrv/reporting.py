"""What `mocksrv report` tells: read from running servers, kept in files, merged, and summed up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mocksrv import __version__
from mocksrv.client import Client
from mocksrv.engine.coverage import KINDS, OPERATION

Json = dict[str, Any]


class NoReport(Exception):
    """A file is no report; the message says what it should be."""


class Share(NamedTuple):
    """How many of so many things were met."""

    met: int
    all: int

    @property
    def percent(self) -> float:
        """0 to 100; of nothing all was met."""
        return 100 * self.met / self.all if self.all else 100.0

    def __str__(self) -> str:
        return f"{self.met} of {self.all} ({self.percent:.0f} %)" if self.all else "-"


class Broken(NamedTuple):
    """A rule of a provider that was broken, and how: its violations as the control API lists them."""

    provider: str
    rule: str
    severity: str
    text: str
    mend: str
    source: str
    violations: Sequence[Mapping[str, Any]]

    @property
    def ways(self) -> list[tuple[Mapping[str, Any], int]]:
        """The first violation of each way in which the rule was broken, and how often it was broken so."""
        ways: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        for each in self.violations:
            ways.setdefault(tuple(each[name] for name in ("method", "path", "status", "detail")), []).append(each)
        return [(found[0], len(found)) for found in ways.values()]


class Report(NamedTuple):
    """What the clients of some sandboxes have met and broken: shapes of ``GET /coverage`` and ``GET /violations``, with
    each violation's sandbox.
    """

    sandboxes: Sequence[str]
    coverage: Sequence[Mapping[str, Any]]
    violations: Sequence[Mapping[str, Any]]

    def document(self) -> Json:
        """As a file keeps it."""
        return {"mocksrv": __version__, **self._asdict()}

    @property
    def used(self) -> list[str]:
        """The providers that were called."""
        return [each["provider"] for each in self.coverage if each["kinds"][OPERATION]["met"]]

    def share(self, kind: str | None = None, provider: str | None = None) -> Share:
        """What was met of a kind (None: of all) of a provider (None: of all that were called)."""
        chosen = [each for each in self.coverage if each["provider"] in ([provider] if provider else self.used)]
        kinds = [each["kinds"][name] for each in chosen for name in ([kind] if kind else KINDS)]
        met = sum(len(each["met"]) for each in kinds)
        return Share(met, met + sum(len(each["not_met"]) for each in kinds))

    def broken(self, *severities: str) -> list[Broken]:
        """The rules that were broken, of these severities (none: of any), in the order in which that was noticed."""
        grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for each in self.violations:
            if not severities or each["severity"] in severities:
                grouped.setdefault((each["provider"], each["rule"]), []).append(each)
        return [_broken(*names, found) for names, found in grouped.items()]


def _broken(provider: str, rule: str, violations: Sequence[Mapping[str, Any]]) -> Broken:
    about = violations[0]
    return Broken(provider, rule, about["severity"], about["text"], about["mend"], about["source"], violations)


def asked(servers: Iterable[Client]) -> Report:
    """What the sandboxes of running servers have to tell. Raises ControlError, Unreachable."""
    return merged(told(server.base_url, server) for server in servers)


def told(name: str, sandbox: Client) -> Report:
    """What one of them has to tell; ``name`` is what it is called in the report. Raises ControlError, Unreachable."""
    violations = [{"sandbox": name, **each} for each in sandbox.every("/violations", "violations")]
    return Report([name], sandbox.get("/coverage")["coverage"], violations)


def parsed(text: str) -> Report:
    """A report from the JSON of its document. Raises ValueError, TypeError, KeyError."""
    kept = json.loads(text)
    return Report(kept["sandboxes"], kept["coverage"], kept["violations"])


def read(file: Path) -> Report:
    """A report from a file. Raises NoReport."""
    try:
        report = parsed(file.read_text("utf-8"))
        report.share()
        report.broken()
    except OSError as error:
        raise NoReport(f"{file}: {error.strerror}") from None
    except KeyError as error:
        raise NoReport(f"{file} is not what `mocksrv report --json` writes: it has no {error}") from None
    except (ValueError, TypeError):
        raise NoReport(f"{file} is not what `mocksrv report --json` writes") from None
    return report


def merged(reports: Iterable[Report]) -> Report:
    """Several reports as one: what was met in one of them was met."""
    every = [*reports]
    coverage: dict[str, list[Mapping[str, Any]]] = {}
    for each in (each for report in every for each in report.coverage):
        coverage.setdefault(each["provider"], []).append(each["kinds"])
    return Report(
        [*dict.fromkeys(sandbox for report in every for sandbox in report.sandboxes)],
        [_covered(provider, kinds) for provider, kinds in coverage.items()],
        [each for report in every for each in report.violations],
    )


def _covered(provider: str, several: Sequence[Mapping[str, Any]]) -> Json:
    kinds = {kind: _kind([each[kind] for each in several]) for kind in KINDS}
    share = Share(*map(sum, zip(*(_size(each) for each in kinds.values()), strict=True)))
    return {"provider": provider, "share": round(share.percent / 100, 4), "kinds": kinds}


def _kind(several: Sequence[Mapping[str, Any]]) -> Json:
    times: dict[str, int] = {}
    for each in (each for one in several for each in one["met"]):
        times[each["name"]] = times.get(each["name"], 0) + each["times"]
    found: Json = {
        "met": [{"name": name, "times": times[name]} for name in sorted(times)],
        "not_met": sorted({name for one in several for name in one["not_met"]} - times.keys()),
    }
    share = Share(*_size(found))
    return {"share": round(share.percent / 100, 4) if share.all else None, **found}


def _size(kind: Mapping[str, Any]) -> Iterator[int]:
    yield len(kind["met"])
    yield len(kind["met"]) + len(kind["not_met"])

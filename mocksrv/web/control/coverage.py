"""The control call that tells what a sandbox's client has met of the providers, and what it has not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mocksrv.engine.coverage import CHALLENGE, EVENT, KINDS, OPERATION, REFUSAL, STATUS
from mocksrv.providers.provider import Provider
from mocksrv.web.control.calls import Calls, ControlCall, ControlRequest


class Coverage(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET",
                "/coverage",
                self.show,
                "Shows what the sandbox's client has met of each provider, and what it has not.",
                query="coverage.CoverageQuery",
                answer="coverage.CoverageAnswer",
            ),
        )

    def show(self, request: ControlRequest) -> Any:
        wanted = request.query.get("provider")
        self.known_provider(wanted)
        self.engine.journal.flush()
        with self.engine.look(request.sandbox) as world:
            rows = world.tx.met(request.sandbox.name)
        met: dict[tuple[str, str], dict[str, int]] = {}
        for row in rows:
            met.setdefault((row.provider, row.kind), {})[row.name] = row.times
        chosen = (each for each in self.providers if wanted in (None, each.name))
        return {
            "coverage": [_covered(each, {kind: met.get((each.name, kind), {}) for kind in KINDS}) for each in chosen]
        }


def _there_is(provider: Provider) -> Mapping[str, Collection[str]]:
    """What there is to be met of each kind."""
    words = provider.role.vocabulary
    return {
        OPERATION: provider.operations(),
        STATUS: words.statuses,
        CHALLENGE: provider.role.challenge_types,
        EVENT: words.events,
        REFUSAL: provider.refusals(),
    }


def _covered(provider: Provider, met: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """What was met of a provider, by kinds. What it has and nobody needs, as deprecated operations, counts once it was
    met.
    """
    there_is = _there_is(provider)
    kinds = {kind: _kind(there_is[kind], met[kind]) for kind in KINDS}
    number = sum(len(each["met"]) for each in kinds.values())
    return {"provider": provider.name, "share": _share(number, sum(map(_size, kinds.values()))), "kinds": kinds}


def _kind(names: Collection[str], met: Mapping[str, int]) -> dict[str, Any]:
    found = {
        "met": [{"name": name, "times": times} for name, times in met.items()],
        "not_met": sorted(set(names) - met.keys()),
    }
    return {"share": _share(len(met), _size(found)), **found}


def _size(kind: Mapping[str, Any]) -> int:
    return len(kind["met"]) + len(kind["not_met"])


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None

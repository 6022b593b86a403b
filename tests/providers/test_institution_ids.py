"""The institution of a scenario (``mock_NAME``) has the same id wherever the scenario is: clients may write it down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from mocksrv.providers.finicity.bank.institutions import MOCK_IDS
from mocksrv.providers.finicity.bank.institutions import Institutions as FinicityInstitutions
from mocksrv.providers.mono.bank.institutions import Institutions as MonoInstitutions
from mocksrv.providers.mx.bank.institutions import Institutions as MXInstitutions

NAMES = [f"scenario-{number}" for number in range(2000)]


def mx(names: Sequence[str]) -> dict[str, object]:
    institutions = MXInstitutions(lambda: [(name, "") for name in names])
    return {name: institutions.search(name=f"Mock: {name}")[0].guid for name in names[:3]}


def mono(names: Sequence[str]) -> dict[str, object]:
    return {each.scenario: each.id for each in MonoInstitutions(lambda: names, list).all() if each.scenario}


def finicity(names: Sequence[str]) -> dict[str, object]:
    institutions = FinicityInstitutions(lambda: [(name, False) for name in names])
    return {each.scenario: each.id for each in institutions.all() if each.scenario}


@pytest.mark.parametrize("ids", [mx, mono, finicity])
def test_an_id_depends_on_no_other_scenario(ids: Callable[[Sequence[str]], dict[str, object]]) -> None:
    few = ids(["scenario-7", "scenario-11"])
    assert len(set(few.values())) == 2
    for others in (NAMES[:300], ["aaa", "zzz"]):
        many = ids(["scenario-7", "scenario-11", *(name for name in others if name not in few)])
        assert {name: many[name] for name in few} == few


def test_known_ids_stay() -> None:
    """What users have written down: a change of these is a change of the contract."""
    assert mx(["connected"]) == {"connected": "INS-6d887d20-d40b-5c7c-a514-5495864a0be5"}
    assert mono(["connected"]) == {"connected": "2122870a3df464ce8d5e7fc1"}
    assert finicity(["connected"]) == {"connected": 1448207029}


def test_two_thousand_scenarios_have_as_many_ids() -> None:
    found = finicity(NAMES)
    assert len(set(found.values())) == len(NAMES)
    assert all(id in MOCK_IDS for id in found.values())

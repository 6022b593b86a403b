"""Callbacks that arrive wrong on purpose, asked for by a step or by the sandbox's settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.engine.callbacks.disturbance import CORRUPTIONS, Disturbance, disturbed, meet
from mocksrv.engine.storage.records import dumps
from tests.conftest import Receiver
from tests.engine.toy import ToyEngine

PAYLOAD = {"action": "updated", "thing": {"guid": "T-1", "revision": 4, "flag": True, "note": None}}
PAYLOADS = st.dictionaries(
    st.text(st.characters(categories=["L"]), min_size=1, max_size=5),
    st.none()
    | st.booleans()
    | st.integers(0, 99)
    | st.text(max_size=5)
    | st.dictionaries(st.text("ab", min_size=1), st.integers(0, 9)),
    min_size=1,
)


def after(kind: str, key: str = "x") -> Any:
    return json.loads(disturbed(dumps(PAYLOAD).encode(), {"corrupt": kind}, Random(key)))


def test_a_value_of_another_type() -> None:
    changed = [(before, value) for before, value in _differences(after("wrong-type"))]
    assert len(changed) == 1
    [(before, value)] = changed
    assert type(before) is not type(value)


def test_a_null_where_a_value_was() -> None:
    assert [value for _, value in _differences(after("null-field"))] == [None]


def test_members_that_nobody_knows() -> None:
    found = after("unknown-field")
    assert (found.pop("field_of_the_future"), found["thing"].pop("field_of_the_future")) == ({"since": "tomorrow"},) * 2
    assert found == PAYLOAD


def test_one_revision_back() -> None:
    stale = json.loads(disturbed(dumps(PAYLOAD).encode(), {"stale": True}, Random("x")))
    assert stale == {**PAYLOAD, "thing": {**PAYLOAD["thing"], "revision": 3}}  # type: ignore[dict-item]


def _differences(found: dict[str, Any]) -> list[tuple[Any, Any]]:
    flat = {**PAYLOAD, **PAYLOAD["thing"]}  # type: ignore[dict-item]
    got = {**found, **found["thing"]}
    return [
        (flat[name], got[name])
        for name in flat
        if name != "thing" and (flat[name] is not got[name]) and flat[name] != got[name]
    ]


@given(PAYLOADS, st.sampled_from(sorted(CORRUPTIONS)), st.integers())
def test_damage_is_the_same_for_the_same_seed_and_always_shows(payload: dict[str, Any], kind: str, seed: int) -> None:
    body = dumps(payload).encode()
    once, again = (disturbed(body, {"corrupt": kind}, Random(seed)) for _ in range(2))
    assert once == again
    plain = [v for value in payload.values() for v in (value.values() if isinstance(value, dict) else [value])]
    if kind in ("truncated", "unknown-field") or any(value is not None for value in plain):
        assert once != body


def test_a_disturbance_is_used_up() -> None:
    rules = (Disturbance("toy.*", {"drop": True}, times=2), Disturbance("toy.bell", {"repeat": 2}))
    directives, rules = meet("toy.bell", rules)
    assert directives == {"drop": True, "repeat": 2}
    assert meet("mx.bell", rules) == ({}, rules)
    directives, rules = meet("toy.door", rules)
    assert (directives, rules) == ({"drop": True}, (Disturbance("toy.bell", {"repeat": 2}),))


def test_a_disturbance_lets_the_first_through() -> None:
    rules = (Disturbance("toy.*", {"drop": True}, skip=1, times=1),)
    met = []
    for _ in range(3):
        directives, rules = meet("toy.bell", rules)
        met.append(directives)
    assert (met, rules) == ([{}, {"drop": True}, {}], ())


SCRIPT = "connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, status: OPEN}]"


@pytest.mark.parametrize(
    ("directives", "times", "statuses"),
    [
        ({"drop": True}, 1, ["KNOCKED", "OPEN", "OPEN"]),
        ({"repeat": 2}, 1, ["NEW", "NEW", "KNOCKED", "OPEN", "OPEN"]),
        ({"delay_ms": 1500}, 1, ["KNOCKED", "NEW", "OPEN", "OPEN"]),
    ],
    ids=str,
)
def test_a_sandbox_disturbs_the_events_of_a_pattern(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, directives: dict[str, Any], times: int, statuses: list[str]
) -> None:
    toy = make_toy(urls=[receiver.url])
    with toy.engine.change(toy.sandbox) as world:
        world.configure(disturbances=(Disturbance("toy.door.*", directives, times=times),))
    toy.door(toy.script(SCRIPT))
    toy.advance(2000)
    assert [body["status"] for body in receiver.bodies()] == statuses


def test_what_is_wrong_about_a_callback_is_seen_by_the_receiver(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    toy = make_toy()
    toy.endpoints([{"url": receiver.url, "auth": {"type": "basic", "username": "u", "password": "p"}}])
    toy.door(
        toy.script(
            """
            connect:
              - {status: NEW, webhooks: {wrong_credentials: true}}
              - {after: 1s, status: KNOCKED, webhooks: {wrong_content_type: true}}
              - {after: 1s, status: HEARD, webhooks: {corrupt: unknown-field}}
              - {after: 9d, status: OPEN}
            """.replace("\n            ", "\n")
        )
    )
    toy.advance(2000)
    first, second, third = receiver.received
    assert first["headers"]["Authorization"] != second["headers"]["Authorization"] == third["headers"]["Authorization"]
    assert [item["headers"]["content-type"] for item in receiver.received] == [
        "application/json",
        "text/plain",
        "application/json",
    ]
    assert "field_of_the_future" in third["json"]

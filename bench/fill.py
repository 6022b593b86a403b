"""Databases of a given size, made faster than calls could make them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import Query, Record
from mocksrv.server import build

MEMBERS_OF_A_USER = 20
BATCH = 10_000
HEADERS = {"Accept": "application/vnd.mx.api.v1+json"}


def fill(database: str | Path, members: int, transactions: int | None = None) -> tuple[str, str]:
    """Fills a new database that `mocksrv serve --database` can open, with that many connected members in the
    sandbox `default`.

    One member is connected by calls, the others are copies of it (without accounts), twenty to a user. The first one
    has as many ``transactions`` as are asked for. Returns the guids of a user and of one of their members, whose status
    is then polled.
    """
    engine, app = build(Config(database=str(database), clock="manual"))
    client = app.test_client()

    def call(method: str, path: str, body: object = None) -> dict:
        return client.open(path, method=method, json=body, headers=HEADERS, auth=("bench", "bench")).get_json()

    form = call("GET", "/institutions/mxbank/credentials")["credentials"]
    user = call("POST", "/users", {"user": {"id": "bench"}})["user"]["guid"]
    body = {
        "member": {
            "institution_code": "mxbank",
            "credentials": [{"guid": field["guid"], "value": "mxuser"} for field in form],
        }
    }
    member = call("POST", f"/users/{user}/members", body)["member"]["guid"]
    engine.advance(engine.sandbox("default"), engine.sandbox("default").now() + 10_000)
    _copy(engine, user, member, members - 1)
    if transactions is not None:
        _copy_transactions(engine, member, transactions)
    engine.close()
    return user, member


def _copy(engine: Engine, user: str, member: str, number: int) -> None:
    with engine.look(engine.sandbox("default")) as world:
        owner, model = world.list(Query("mx.user"))[0], world.list(Query("mx.member"))[0]
        assert (owner.guid, model.guid) == (user, member)
    for start in range(0, number, BATCH):
        with engine.change(engine.sandbox("default")) as world:
            world.add(*_copies(owner, model, range(start, min(start + BATCH, number))))


def _copy_transactions(engine: Engine, member: str, number: int) -> None:
    """Adds copies of the member's transactions, on the same days, until there are so many of them."""
    with engine.change(engine.sandbox("default")) as world:
        found = world.list(Query("mx.transaction", subject=member))
        for start in range(0, number - len(found), BATCH):
            numbers = range(start, min(start + BATCH, number - len(found)))
            world.add(*(replace(found[n % len(found)], guid=f"TRN-{n:032x}") for n in numbers))


def _copies(owner: Record, model: Record, numbers: range) -> Iterator[Record]:
    for number in numbers:
        user_guid = f"USR-{number // MEMBERS_OF_A_USER:032x}"
        if number % MEMBERS_OF_A_USER == 0:
            user = copy.copy(owner)
            user.guid, user.partner_id = user_guid, f"bench-{number}"
            yield user
        made = copy.copy(model)
        made.guid, made.owner = f"MBR-{number:032x}", user_guid
        yield made

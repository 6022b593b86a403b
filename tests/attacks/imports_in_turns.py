"""What is imported while a turn to write is held, on the ways that most servers go, in a process that has imported
nothing of it yet: `python -m tests.attacks.imports_in_turns mx` prints these modules.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX, Receiver, started
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono


def mx(app: App, receiver: Receiver) -> None:
    client = MX(app)
    user = client.user()
    member = client.create(user, institution="aurora_mills_bank")["guid"]
    client.advance("1m")
    for job in ("identify", "check_balance", "aggregate"):
        client.call("POST", f"/users/{user}/members/{member}/{job}")
        client.advance("1m")
    client.advance("25h")
    client.call("GET", f"/users/{user}/insights")
    client.control("POST", "/trigger", {"event": "mx.member.updated"})
    client.call("POST", "/transactions/enhance", {"transactions": [{"id": "1", "description": "coffee", "amount": 1}]})
    client.call("DELETE", f"/users/{user}/members/{member}")


def mono(app: App, receiver: Receiver) -> None:
    client = Mono(app, receiver)
    client.control("POST", "/trigger", {"event": "mono.account_updated"})
    client.link()
    client.midnight()


def finicity(app: App, receiver: Receiver) -> None:
    client = Finicity(app, receiver)
    customer = client.customer()
    client.consumer(customer)
    account = client.connected(customer)[0]["id"]
    path = f"/aggregation/v1/customers/{customer}/accounts/{account}/transactions/historic"
    client.call("POST", path, status=204)
    client.advance("25h")


WAYS = {"mx": mx, "mono": mono, "finicity": finicity}


class Watched:
    """What the thread imports that has the turn; others may import meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._turn = engine.store._turn
        self.found: set[str] = set()

    def find_spec(self, name: str, *_: Any) -> None:
        if self._turn._owner == threading.get_ident():
            self.found.add(name)


def main(provider: str) -> None:
    receiver = Receiver()
    engine, app = started(webhook_url=receiver.url)
    watched = Watched(engine)
    sys.meta_path.insert(0, watched)
    WAYS[provider](app, receiver)
    engine.close()
    receiver.close()
    print(*sorted(watched.found), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1])

"""Many sandboxes of one server at once are what each of them is by itself, byte for byte."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mocksrv.web.app import App
from tests.conftest import Receiver, started
from tests.providers.finicity.client import PARTNER, SECRET
from tests.providers.mono.client import KEY

THREADS = 16
FAILING = 4  # one of so many callbacks fails
SCENARIOS = ("connected", "challenged", "denied", "delayed", "failed", "messy-webhooks", "no-accounts", "daily-updates")
BANKS = ("mxbank", "mock_rejected", "mock_locked", "mxcu", "none")
FEW_TRANSACTIONS = """
summary: Calls are what is tried here, so that banks have little data.

accounts:
  checking:
    type: CHECKING
    name: Checking
    balance: 2000..6000
    settle: {description: Transfer, category: Transfer}
    transactions:
      - {when: monthly on 1, credit: 1200, description: Paycheck, category: Paycheck}
      - {when: 2 times a week, debit: 3..40, description: Coffee, category: Restaurants}
"""
SPANS = ("0s", "1s", "1s", "2s", "10s", "1m", "1h")


class Choosy(Receiver):
    """Fails some callbacks, the same ones again."""

    def __init__(self) -> None:
        super().__init__()
        self._now = threading.local()
        self.on_receive = lambda item: setattr(self._now, "body", item["raw"])

    def answer(self) -> tuple[int, bytes]:
        return (503 if hashlib.sha256(self._now.body).digest()[0] % FAILING == 0 else 204), b""


class Life:
    """Random calls of one sandbox: which ones follows from its name and from what was answered before."""

    def __init__(self, app: App, name: str) -> None:
        self._app = app
        self._random = Random(name)
        self._http = app.test_client()
        self._name = name
        self._finicity = {"Finicity-App-Key": "key", "Accept": "application/json"}
        self._users: list[str] = []
        self._members: list[str] = []  # paths
        self._accounts: list[str] = []  # of Mono
        self._customers: list[str] = []
        self._said = hashlib.sha256()

    def lived(self, calls: int) -> str:
        """A digest of all answers, and of all that the sandbox holds in the end."""
        self._user()
        self._member()
        for _ in range(calls):
            self._random.choice(self.ACTS)(self)
        self._control("POST", "/clock/advance", {"by": "0s"})
        state = json.loads(self._call("GET", "/_mocksrv/state"), object_hook=_settled)
        return f"{self._said.hexdigest()} {hashlib.sha256(json.dumps(state).encode()).hexdigest()}"

    def _call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
        answer = self._http.open(f"/sandbox/{self._name}{path}", method=method, json=body, headers=headers)
        assert answer.status_code != 500, f"{method} {path}: {answer.get_data(as_text=True)}"
        data = answer.get_data()
        if path != "/_mocksrv/state":
            self._said.update(f"{method} {path} {answer.status_code} ".encode() + data)
        return data

    def _json(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        return json.loads(self._call(method, path, body, headers) or b"{}")

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        return self._json(method, f"/_mocksrv{path}", body)

    def _mx(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Accept": "application/vnd.mx.api.v1+json", "Authorization": "Basic YW55OmtleQ=="}
        return self._json(method, path, body, headers)

    def _any(self, known: Sequence[str]) -> str:
        return self._random.choice(known) if known else "none"

    # what is done

    def _user(self) -> None:
        made = self._mx("POST", "/users", {"user": {"id": f"customer-{self._random.randrange(1000)}"}})
        if "user" in made:
            self._users.append(made["user"]["guid"])

    def _member(self) -> None:
        user, bank = self._any(self._users), self._random.choice(BANKS)
        form = self._mx("GET", f"/institutions/{bank}/credentials").get("credentials", ())
        typed = [{"guid": each["guid"], "value": f"mxuser-{self._random.randrange(100)}"} for each in form]
        made = self._mx("POST", f"/users/{user}/members", {"member": {"institution_code": bank, "credentials": typed}})
        if "member" in made:
            self._members.append(f"/users/{user}/members/{made['member']['guid']}")

    def _poll(self) -> None:
        member = self._any(self._members)
        asked = self._mx("GET", f"{member}/status").get("member", {}).get("challenges", ())
        if asked:
            value = self._random.choice(("correct", "wrong"))
            answers = [{"guid": each["guid"], "value": value} for each in asked]
            self._mx("PUT", f"{member}/resume", {"member": {"challenges": answers}})

    def _job(self) -> None:
        self._mx(
            "POST", f"{self._any(self._members)}/{self._random.choice(('aggregate', 'check_balance', 'identify'))}"
        )

    def _read(self) -> None:
        user = self._any(self._users)
        self._mx("GET", f"/users/{user}/{self._random.choice(('accounts', 'transactions', 'members', 'budgets'))}")

    def _delete(self) -> None:
        self._mx("DELETE", self._any(self._members))

    def _link(self) -> None:
        code = self._control("POST", "/mono/connect", {"institution": "any"}).get("code")
        made = self._json("POST", "/mono/v2/accounts/auth", {"code": code}, KEY)
        if "id" in made.get("data", {}):
            self._accounts.append(made["data"]["id"])

    def _read_link(self) -> None:
        self._json("GET", f"/mono/v2/accounts/{self._any(self._accounts)}/transactions", headers=KEY)

    def _session(self) -> None:
        def ask(path: str, body: Any) -> Any:
            return self._json("POST", f"/finicity{path}", body, self._finicity)

        token = ask("/aggregation/v2/partners/authentication", {"partnerId": PARTNER, "partnerSecret": SECRET})
        self._finicity["Finicity-App-Token"] = token["token"]
        name = f"customer-{self._random.randrange(1000)}"
        made = ask("/aggregation/v2/customers/testing", {"username": name})
        self._customers += [made["id"]] if "id" in made else []
        link = ask("/connect/v2/generate", {"partnerId": PARTNER, "customerId": self._any(self._customers)})
        self._control("POST", "/finicity/play", {"link": link.get("link", ""), "username": name})

    def _advance(self) -> None:
        self._control("POST", "/clock/advance", {"by": self._random.choice(SPANS)})

    def _choose(self) -> None:
        self._control("PUT", "/bindings", {"next": [self._random.choice(SCENARIOS)]})

    def _push(self) -> None:
        subject = self._any(self._members).rpartition("/")[2]
        self._control("PUT", f"/subjects/{subject}/status", {"status": self._random.choice(("DENIED", "CONNECTED"))})

    ACTS: Sequence[Callable[[Life], None]]  # the more often one stands there, the more often it is chosen


Life.ACTS = (
    *(Life._user, Life._member, Life._job, Life._delete, Life._link, Life._session, Life._choose, Life._push),
    *(4 * [Life._advance]),
    *(8 * [Life._poll]),
    *(8 * [Life._read]),
    *(4 * [Life._read_link]),
)


def _settled(value: dict[str, Any]) -> dict[str, Any]:
    """An object of a state without what takes another time in every run."""
    return {name: each for name, each in value.items() if name != "duration_ms"}


def lives(names: Sequence[str], calls: int, threads: int, webhook_url: str, banks: Path) -> dict[str, str]:
    """What becomes of sandboxes of a new server."""
    engine, app = started(webhook_url=webhook_url, scenarios=(banks,))
    try:
        with ThreadPoolExecutor(threads) as pool:
            return dict(zip(names, pool.map(lambda name: Life(app, name).lived(calls), names), strict=True))
    finally:
        engine.close()


def a_process() -> Executor:
    """It has a processor of its own, where no other test needs it, and takes longer to start than a few lives take."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=step_back)


def step_back() -> None:
    """Other tests go first: browsers have their time-outs."""
    if os.name == "posix":
        os.nice(10)


@pytest.mark.parametrize(
    ("sandboxes", "calls", "apart"),
    [(4, 25, lambda: ThreadPoolExecutor(1)), pytest.param(64, 500, a_process, marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_sandboxes_at_once_are_what_they_are_one_by_one(
    sandboxes: int, calls: int, apart: Callable[[], Executor], tmp_path: Path
) -> None:
    for profile in ("everyday", "mxbank"):
        (tmp_path / f"{profile}.profile.yaml").write_text(FEW_TRANSACTIONS)
    receiver = Choosy()
    names = [f"life-{number}" for number in range(sandboxes)]
    try:
        with apart() as pool:
            one_by_one = pool.submit(lives, names, calls, 1, receiver.url, tmp_path)
            assert lives(names, calls, THREADS, receiver.url, tmp_path) == one_by_one.result()
    finally:
        receiver.close()

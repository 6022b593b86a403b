"""kill -9 at random moments of many runs: every change that was answered is there, every event that was committed
arrives.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import MX_HEADERS, Receiver

KILLS = 12
CLIENTS = 3


class Process:
    """A `mocksrv serve` on a database, of its own process group, so that all of it can be killed at once."""

    def __init__(self, database: Path, webhook_url: str) -> None:
        command = [
            sys.executable,
            "-m",
            "mocksrv",
            "serve",
            "--port",
            "0",
            "--database",
            str(database),
            "--webhook-url",
            webhook_url,
        ]
        self.process = subprocess.Popen(
            [*command, "--clock", "x60"], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"MX Platform API\s+(http://127\.0\.0\.1:\d+)", line):
                self.url = found[1]
                break
        else:
            raise AssertionError("the server did not start")
        self.reader = threading.Thread(target=self.process.stdout.read, daemon=True)
        self.reader.start()

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Client(threading.Thread):
    """Creates members of all kinds until the server dies, and remembers what was answered."""

    def __init__(self, url: str, chance: random.Random, calls: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self.url, self.chance, self.calls = url, chance, calls
        self.answered: list[str] = []

    def run(self) -> None:
        http = requests.Session()
        http.auth, http.headers = ("client", "key"), MX_HEADERS  # type: ignore[assignment]
        try:
            form = http.get(f"{self.url}/institutions/mxbank/credentials").json()["credentials"]
            user = self._create(http, "/users", {"user": {"metadata": "crash"}}, "user")
            for number in range(20):
                values = ["mxuser", self.chance.choice(["LOCKED", "challenge", "INVALID", f"fine-{number}"])]
                credentials = [
                    {"guid": field["guid"], "value": value} for field, value in zip(form, values, strict=True)
                ]
                body = {
                    "member": {
                        "institution_code": "mxbank",
                        "id": f"m-{self.chance.getrandbits(64)}",
                        "credentials": credentials,
                    }
                }
                member = self._create(http, f"/users/{user}/members", body, "member", allowed=(409,))
                if member and self.chance.random() < 0.3:
                    self.answered.remove(f"/users/{user}/members/{member}")
                    http.delete(f"{self.url}/users/{user}/members/{member}")
        except requests.RequestException:
            return  # the server was killed

    def _create(self, http: requests.Session, path: str, body: Any, kind: str, allowed: tuple[int, ...] = ()) -> str:
        answer = http.post(self.url + path, json=body)
        self.calls.release()
        if answer.status_code in allowed:
            return ""
        guid: str = answer.json()[kind]["guid"]
        self.answered.append(f"{path}/{guid}")
        return guid


@pytest.mark.slow
def test_nothing_is_lost_when_the_server_is_killed(tmp_path: Path, receiver: Receiver) -> None:
    chance = random.Random()
    answered: list[str] = []
    for _ in range(KILLS):
        server = Process(tmp_path / "state.db", receiver.url)
        calls = threading.Semaphore(0)
        clients = [Client(server.url, random.Random(chance.random()), calls) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(chance.randint(1, 40)):
            assert calls.acquire(timeout=20)
        server.kill()
        for client in clients:
            client.join()
            answered += client.answered
    server = Process(tmp_path / "state.db", receiver.url)
    try:
        _everything_is_there(server.url, answered)
        _everything_arrived(server.url, receiver)
    finally:
        server.kill()


def _everything_is_there(url: str, answered: list[str]) -> None:
    missing = [
        path
        for path in answered
        if requests.get(url + path, auth=("client", "key"), headers=MX_HEADERS).status_code != 200
    ]
    assert len(answered) > KILLS
    assert missing == []


def _everything_arrived(url: str, receiver: Receiver) -> None:
    events = _events(url)
    pending = [e for e in events if any(d["state"] == "pending" for d in e["deliveries"])]
    for _ in range(60):
        if not pending:
            break
        requests.get(f"{url}/_mocksrv/webhooks", params={"event": "nothing.of.that.name", "wait": "1s"})
        events = _events(url)
        pending = [e for e in events if any(d["state"] == "pending" for d in e["deliveries"])]
    assert pending == []
    committed = Counter(json.dumps(e["payload"], sort_keys=True) for e in events if e["deliveries"])
    arrived = Counter(json.dumps(body, sort_keys=True) for body in receiver.bodies())
    assert committed - arrived == Counter()
    first_seen: dict[str, list[int]] = {}
    for body in receiver.bodies():
        member = body.get("member") or {}
        revisions = first_seen.setdefault(member.get("guid", ""), [])
        if member and member["revision"] not in revisions:
            revisions.append(member["revision"])
    assert all(revisions == sorted(revisions) for revisions in first_seen.values())


def _events(url: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while True:
        after = {"after": events[-1]["id"]} if events else {}
        page = requests.get(f"{url}/_mocksrv/webhooks", params={"limit": "1000", **after}).json()["webhooks"]
        if not page:
            return events
        events += page

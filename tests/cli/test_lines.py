"""What `mocksrv serve` prints of calls and callbacks: a line each, never keeping anybody waiting."""

from __future__ import annotations

import io
import json
import threading

from mocksrv.cli.lines import FORMATS, Lines
from mocksrv.engine.observers import Happening

CALL = Happening(
    "default", 1_767_268_800_000, "call", None, "GET /users: 200", {"operation": "listUsers", "status": 200}
)
ATTEMPT = Happening("ci-17", 1_767_268_801_000, "attempt", "EVT-1", "mx.member.created -> http://h/: 204")
STATUS = Happening("default", 1_767_268_801_000, "status", "MBR-1", "CONNECTED")


def printed(form: str) -> list[str]:
    output = io.StringIO()
    lines = Lines(output, FORMATS[form])
    lines.start()
    lines.tell([CALL, STATUS, ATTEMPT])
    lines.close()
    return output.getvalue().splitlines()


def test_a_line_for_every_call_and_callback() -> None:
    assert printed("text") == [
        "2026-01-01T12:00:00.000Z  call      GET /users: 200",
        "2026-01-01T12:00:01.000Z  callback  mx.member.created -> http://h/: 204  [ci-17]",
    ]


def test_the_same_as_json() -> None:
    call, callback = map(json.loads, printed("json"))
    assert (call["kind"], call["sandbox"], call["detail"]) == ("call", "default", "GET /users: 200")
    assert (call["operation"], call["status"]) == ("listUsers", 200)
    assert (callback["kind"], callback["subject"]) == ("callback", "EVT-1")


def test_who_reads_slowly_keeps_nobody_waiting() -> None:
    reading = threading.Event()

    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            reading.wait(10)
            return super().write(text)

    output = Slow()
    lines = Lines(output, FORMATS["text"], most=2)
    lines.start()
    lines.tell([CALL] * 50)
    reading.set()
    lines.tell([CALL])
    lines.close()
    told = [line for line in output.getvalue().splitlines() if "not printed" in line]
    assert sum(int(line.split()[0]) for line in told) >= 40

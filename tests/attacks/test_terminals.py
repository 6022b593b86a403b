"""What others send does not control the terminal of who looks at it."""

from __future__ import annotations

import json

import pytest

from mocksrv.cli.lines import as_json, as_text
from mocksrv.cli.listen import Listener, parse_statuses
from mocksrv.cli.output import print_table, printable
from mocksrv.engine.observers import Happening

EVIL = "/users\x1b]0;owned\x07\r\n2026 call \x9b2J\u202e"


def test_escapes_are_shown() -> None:
    assert printable("a\x1b[2J\n\u202eé") == r"a\x1b[2J\n\u202eé"


def test_lines_and_tables_have_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    happening = Happening("default", 0, "call", None, f"GET {EVIL}: 404")
    for line in (as_text(happening), as_json(happening)):
        assert line.isprintable()
    assert json.loads(as_json(happening))["detail"] == f"GET {EVIL}: 404"
    print_table(("PATH",), [(EVIL,)])
    assert capsys.readouterr().out.replace("\n", "").isprintable()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_receiver_prints_one_printable_line(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    body = json.dumps({"type": EVIL, "action": EVIL}).encode()
    Listener(parse_statuses("204"), 0, None, None, as_json).take(EVIL, {}, body)
    [line] = capsys.readouterr().out.splitlines()
    assert line.isprintable()

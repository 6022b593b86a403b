"""Tables as people read them, in terminals of all widths."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click
import pytest

from mocksrv.cli.output import print_table

ID = "MBR-cfd7713f-05f4-4510-a06a-2f2f78ffbccf"
HEADS = ("TIME", "EVENT", "SUBJECT", "STATE")
ROWS = (("2026-01-01", "mx.member.created", ID, "delivered"), ("2026-01-02", "mx.balance", "", "no endpoint asks"))


Shown = Callable[[int, Sequence[str], Sequence[Sequence[str]]], list[str]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """The lines of a table in a terminal of so many columns."""

    def lines(columns: int, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        print_table(heads, rows)
        return [line.rstrip() for line in click.unstyle(capsys.readouterr().out).splitlines()]

    return lines


def test_a_row_is_a_line_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "B", "C"), [("a" * 200, "b" * 200, "c" * 200)])
    assert [len(line) for line in capsys.readouterr().out.splitlines()] == [407, 606]


def test_the_last_column_is_wrapped(shown: Shown) -> None:
    assert shown(50, ("NAME", "SUMMARY"), [("challenged", "One text question; the right answer connects.")]) == [
        "NAME         SUMMARY",
        "challenged   One text question; the right answer",
        "             connects.",
    ]


def test_a_row_that_does_not_fit_takes_several_lines_and_ids_stay_whole(shown: Shown) -> None:
    assert shown(60, HEADS, ROWS) == [
        "TIME         EVENT",
        "    SUBJECT",
        "    STATE",
        "2026-01-01   mx.member.created",
        f"    {ID}",
        "    delivered",
        "2026-01-02   mx.balance",
        "    no endpoint asks",
    ]


def test_what_goes_on_in_another_line_stands_in_columns_too(shown: Shown) -> None:
    assert shown(65, HEADS, ROWS) == [
        "TIME         EVENT",
        "    SUBJECT                                    STATE",
        "2026-01-01   mx.member.created",
        f"    {ID}   delivered",
        "2026-01-02   mx.balance",
        "                                               no endpoint asks",
    ]


def test_a_cell_that_no_line_has_room_for_is_not_cut(shown: Shown) -> None:
    heads, wide = ("METHOD", "PATH", "STATUS", "ID"), "/users/" + "x" * 60
    assert shown(40, heads, [("GET", wide, "200", "REQ-1"), ("GET", "/ü", "404", "REQ-2")]) == [
        "METHOD",
        "    PATH",
        "    STATUS   ID",
        "GET",
        f"    {wide}",
        "    200      REQ-1",
        "GET",
        "    /ü",
        "    404      REQ-2",
    ]


def test_an_empty_table_has_its_heads(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADS, ())
    assert capsys.readouterr().out.split() == [*HEADS]

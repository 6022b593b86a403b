"""The tables of Mono's and Finicity's events in docs/webhooks.md are what the code says and the bundled scenarios do.

``python -m tests.providers.test_catalogues`` writes them anew. MX's is written by
tests/providers/mx/catalog/test_catalogue.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mocksrv.cli.check_consumer import genuine_events
from mocksrv.engine.scenarios.library import Library
from mocksrv.providers.finicity.webhooks import EVENTS as FINICITY
from mocksrv.providers.finicity.webhooks import FIX, FULL, JOINT, LITE
from mocksrv.providers.mono.webhooks import CATALOGUE as MONO
from tests.cli.running import ROOT
from tests.conftest import started

DOCUMENT = ROOT / "docs/webhooks.md"
KINDS = {FULL: "full", LITE: "lite", FIX: "fix", JOINT: "joint borrower"}  # of Connect sessions


@contextmanager
def library() -> Iterator[Library]:
    engine, _ = started()
    try:
        yield engine.library
    finally:
        engine.close()


def scenarios_with(status: str) -> str:
    """The bundled Finicity scenarios that write a status themselves, as links."""
    with library() as found:
        names = [
            name
            for name in found.names("finicity")
            if any(step.status == status for steps in found.get("finicity", name).flows.values() for step in steps)
        ]
    shown = (
        ["every one"]
        if len(names) == len(found.names("finicity"))
        else [f"[`{name}`](../scenarios/finicity/{name}.yaml)" for name in names[:3]]
    )
    return ", ".join(shown)


def mono_table() -> str:
    sent = {event.name: event.payload["data"] for event in genuine_events("mono")}
    rows = ["| event | on the wire | sent when | what is in `data` |", "| --- | --- | --- | --- |"]
    for name, event in MONO.items():
        rows.append(f"| `{name}` | `{event.wire}` | {event.when} | {', '.join(f'`{key}`' for key in sent[name])} |")
    return "\n".join(rows)


def finicity_table() -> str:
    sent = {event.name: event.payload["payload"] for event in genuine_events("finicity")}
    rows = [
        "| event | by sessions | at OAuth banks | what is in `payload` | for example by |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, event in FINICITY.items():
        kinds = (
            "all"
            if len(event.types) == len(KINDS)
            else ", ".join(title for kind, title in KINDS.items() if kind in event.types)
        )
        more = ", ".join(title for kind, title in KINDS.items() if kind in event.wire)
        kinds += f" (`--fidelity wire`: {more}, too)" if more else ""
        keys = ", ".join(f"`{key}`" for key in sent[f"finicity.{name}"])
        by = scenarios_with(name) or "`POST /connect/v2/generate`, before it answers"
        rows.append(f"| `finicity.{name}` | {kinds} | {'yes' if event.oauth else ''} | {keys} | {by} |")
    return "\n".join(rows)


TABLES = {"mono": mono_table, "finicity": finicity_table}


def between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_the_document_says_it_all(name: str) -> None:
    found = between(name).search(DOCUMENT.read_text("utf-8"))
    assert found
    assert found[2].strip() == TABLES[name](), "python -m tests.providers.test_catalogues writes it anew"


if __name__ == "__main__":
    text = DOCUMENT.read_text("utf-8")
    for table in TABLES:
        text = between(table).sub(lambda found, table=table: f"{found[1]}{TABLES[table]()}\n{found[3]}", text)  # type: ignore[misc]
    DOCUMENT.write_text(text, "utf-8")

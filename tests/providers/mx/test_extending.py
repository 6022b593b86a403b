"""What a newcomer does to MX: a plain resource is one new file and one line in the list of families.

A wrong declaration stops the server before it has started, and says in which file and what.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.declarations import DeclarationError
from mocksrv.providers.mx import families
from mocksrv.providers.mx.declarations import catalogue, load
from mocksrv.providers.mx.families import FAMILIES
from tests.conftest import MX, Receiver

NOTES = '''
"""Notes, which a user keeps."""

from marshmallow import fields, validate

from mocksrv.providers.mx.events.collection import Collection
from mocksrv.providers.mx.events.resources import Events, changes, names
from mocksrv.providers.mx.http.call import Routes
from mocksrv.providers.mx.http.schemas import Document

routes = Routes()


class NoteSchema(Document):
    """A note, as read and as written."""

    guid = fields.String(dump_only=True)
    text = fields.String(required=True, validate=validate.Length(1, 100))
    user_guid = fields.String(dump_only=True)


notes = Collection(
    "mx.note",
    prefix="NOT",
    one="note",
    many="notes",
    schema=NoteSchema(),
    events=Events(changes("a note"), names("guid text revision")),
    sample={"text": "Call the bank"},
)
notes.mount(
    routes,
    "/users/<user>/notes",
    list="listNotes",
    create="createNote",
    read="readNote",
    update="updateNote",
    delete="deleteNote",
)
'''

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the family ``notes``, with parts of its text replaced: ``write(("NOT", "TAG"))``; its file."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(*changed: tuple[str, str]) -> Path:
        text = NOTES
        for old, new in changed:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "notes.py"
        file.write_text(text, "utf-8")
        return file

    yield make
    sys.modules.pop("notes", None)


@pytest.fixture
def mx_with_notes(
    write: Write, monkeypatch: pytest.MonkeyPatch, make_server: Callable[..., Any], receiver: Receiver
) -> MX:
    """A client of a server with notes, whose endpoint asks for their events."""
    write()
    monkeypatch.setattr("mocksrv.providers.mx.families.FAMILIES", (*FAMILIES, "notes"))
    _, app = make_server()
    mx = MX(app)
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.note.*"]}]})
    return mx


def test_it_is_small() -> None:
    assert len([line for line in NOTES.splitlines() if line.strip()]) <= 35
    lines = Path(families.__file__).read_text("utf-8").splitlines()
    assert [name for name in FAMILIES if f'    "{name}",' not in lines] == []  # each is a line


def test_a_plain_resource_is_one_file_and_one_line(mx_with_notes: MX, receiver: Receiver) -> None:
    mx = mx_with_notes
    user = mx.user()
    path = f"/users/{user}/notes"
    note = mx.call("POST", path, {"note": {"text": "Call the bank"}})["note"]
    assert note == {"guid": note["guid"], "text": "Call the bank", "user_guid": user}
    assert note["guid"].startswith("NOT-")

    assert mx.call("GET", path)["notes"] == [note]
    assert mx.call("GET", f"{path}/{note['guid']}")["note"] == note
    changed = mx.call("PUT", f"{path}/{note['guid']}", {"note": {"text": "Write to the bank"}})["note"]
    assert changed == note | {"text": "Write to the bank"}
    mx.call("DELETE", f"{path}/{note['guid']}", status=204)
    mx.call("GET", f"{path}/{note['guid']}", status=404)
    mx.call("POST", path, {"note": {"text": ""}}, status=422)

    mx.advance("1s")
    told = [(body["action"], body["note"]["text"], body["note"]["revision"]) for body in receiver.bodies()]
    assert told == [
        ("created", "Call the bank", 1),
        ("updated", "Write to the bank", 2),
        ("deleted", "Write to the bank", 3),
    ]


def test_its_events_can_be_triggered_and_are_in_the_catalogue(mx_with_notes: MX, receiver: Receiver) -> None:
    mx = mx_with_notes
    mx.control("POST", "/trigger", {"event": "mx.note.updated"})
    mx.advance("1s")
    [body] = receiver.bodies()
    assert (body["action"], body["note"]["text"]) == ("updated", "Call the bank")
    assert body["note"]["guid"].startswith("NOT-")

    user = mx.user()
    guid = mx.call("POST", f"/users/{user}/notes", {"note": {"text": "A real one"}})["note"]["guid"]
    mx.control("POST", "/trigger", {"event": "mx.note.updated", "subject": guid})
    mx.advance("1s")
    assert receiver.bodies()[-1]["note"]["text"] == "A real one"

    meanings = catalogue(load((*FAMILIES, "notes"))).meanings  # of which docs/webhooks.md is made
    assert meanings["mx.note.deleted"] == "a note was deleted"


@pytest.mark.parametrize(
    ("changed", "name", "what"),
    [
        ([('    sample={"text": "Call the bank"},\n', "")], "notes", "mx.note has events and no sample"),
        ([('{"text": "Call the bank"}', '{"txet": "Call"}')], "notes", "the sample of mx.note has 'txet'"),
        ([('"mx.note"', '"mx.tag"')], "notes", "the kind mx.tag is declared twice"),
        ([('"mx.note"', '"note"')], "notes", "the kind 'note' does not begin with 'mx.'"),
        ([('"NOT"', '"TAG"')], "notes", "the prefix TAG is that of mx.tag"),
        ([('"NOT"', '"Note"')], "notes", "the prefix 'Note' of mx.note is not three capital letters"),
        ([('"listNotes"', '"listTags"')], "listTags", "is declared twice"),
        ([('"/users/<user>/notes"', '"/users/<guid>/tags"')], "GET /users/<guid>/tags", "is declared twice"),
        ([("routes = Routes()", "routes = Routes().add")], "routes", "a family has operations"),
    ],
)
def test_a_wrong_declaration_stops_the_start(
    write: Write, changed: list[tuple[str, str]], name: str, what: str
) -> None:
    broken = [("notes.mount(\n    routes", "notes.mount(\n    Routes()")] if name == "routes" else []
    file = write(*changed, *broken)
    with pytest.raises(DeclarationError) as refused:
        load((*FAMILIES, "notes"))
    assert str(refused.value).startswith(f"{file}: {name}: ")
    assert what in str(refused.value)


def test_an_unknown_family_is_an_error_with_the_nearest() -> None:
    with pytest.raises(ImportError, match=r"declarations\.py: there is no family 'money\.tagz'; 'money\.tags' is one"):
        load((*FAMILIES, "money.tagz"))

"""What a request is to every wing: the sandbox's world, the body read as JSON, the query, and what the journal learns
of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, NoReturn

from flask import Request
from marshmallow import EXCLUDE, Schema

from mocksrv.engine.engine import Engine
from mocksrv.engine.journal import Entry
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Record, dumps
from mocksrv.engine.world import World


class Document(Schema):
    """The base of the wings' schemas: renders a flat dict, every field present; unknown members of a request are left
    out.
    """

    class Meta:
        unknown = EXCLUDE

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return obj.get(attr)


class Call:
    """One request, as the views of a wing see it."""

    def __init__(self, engine: Engine, request: Request, sandbox: Sandbox, entry: Entry, base_url: str) -> None:
        self.engine = engine
        self.request = request
        self.sandbox = sandbox
        self.entry = entry
        self.base_url = base_url  # of the sandbox, for URLs that are handed out
        self._subject: Record | None = None

    def unreadable(self, reason: str) -> NoReturn:
        """Raises the provider's refusal of a body that is no JSON object."""
        raise NotImplementedError

    def status_of(self, subject: Record) -> str | None:
        """How a subject stands, for the journal."""
        raise NotImplementedError

    # what the client sent

    @cached_property
    def json(self) -> dict[str, Any]:
        """The request's body. Refused unless it is a JSON object."""
        raw = self.request.get_data(cache=True)
        if self.request.mimetype != "application/json":
            self.entry.violate(
                "content-type", f"a body is sent as application/json, not as {self.request.mimetype or 'nothing'}"
            )
        try:
            body = json.loads(raw.decode(), parse_constant=_no_constant)
            if b"\\u" in raw:
                dumps(body).encode()  # half of a surrogate pair is no text
        except (ValueError, RecursionError):
            self.unreadable("The request body is not valid JSON")
        if not isinstance(body, dict):
            self.unreadable("The request body must be a JSON object")
        return body

    def note_unknown(
        self, given: Mapping[str, Any], schema: Schema, prefix: str = "", also: frozenset[str] = frozenset()
    ) -> None:
        """Notes the members that a schema does not read as violations, but for those of ``also``."""
        known = {each.data_key or name for name, each in schema.load_fields.items()}
        for name in sorted(given.keys() - known - also):
            self.entry.violate("unknown-field", f"{prefix}{name}")

    def arguments(self, *known: str) -> Mapping[str, str]:
        """The query parameters; unknown ones are noted as violations."""
        for name in self.request.args:
            if name not in known:
                self.entry.violate("unknown-parameter", name)
        return self.request.args

    # the sandbox

    def change(self) -> AbstractContextManager[World]:
        """A transaction."""
        return self.engine.change(self.sandbox)

    def look(self) -> AbstractContextManager[World]:
        """Reads."""
        return self.engine.look(self.sandbox)

    # the journal

    def about(self, subject: Record) -> Record:
        """Takes down in the journal whom the call is about and how that one stands; the views change this very
        record.
        """
        self._subject = subject
        self.entry.notes.update(subject=subject.guid, status_before=self.status_of(subject))
        return subject

    def explain(self) -> None:
        """Takes down in the journal, after the view, which scenario, flow and step (file and line) made the answer what
        it is.
        """
        if self._subject is None:
            return
        play = self._subject.play or {}
        at = play.get("at") or {}
        step = f"{at['file']}:{at['line']}" if at else None
        self.entry.notes.update(
            scenario=play.get("scenario"), flow=at.get("flow"), step=step, status_after=self.status_of(self._subject)
        )


def sentence(path: str, messages: Any) -> str:
    """marshmallow's messages as one line: ``user.email: Not a valid email address.``"""
    if isinstance(messages, dict):
        inner = (
            (f"{path}.{name}" if path and name != "_schema" else path or str(name), lines)
            for name, lines in messages.items()
        )
        return "; ".join(sentence(name, lines) for name, lines in inner)
    if isinstance(messages, list):
        return f"{path}: {' '.join(str(message) for message in messages)}"
    return f"{path}: {messages}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")

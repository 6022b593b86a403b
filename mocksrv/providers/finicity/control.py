"""The bodies and answers of Finicity's control calls."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema

from mocksrv.providers.fields import Answer, Anything, Items, Text


class Typed(Anything):
    """What a user types: a text, or a number that stands for one."""

    kind = "a text"

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise self.make_error("invalid")
        return str(value)


class PlayBody(Schema):
    """What the user does on the Connect pages; all but the link may be left out."""

    link = Text("The Connect URL, as `generate` gave it.", required=True)
    institution = Typed("The bank that is chosen: its id or its name.", allow_none=True)
    username = Typed("What is typed as user name.", allow_none=True)
    password = Typed("What is typed as password.", allow_none=True)
    answers = Items(Text(), "Answers to the bank's questions, one after the other; else the right ones are given.")
    accounts = Items(
        Text(), "The accounts that are chosen: their ids, names or types (`checking`); else all.", allow_none=True
    )


class PlayAnswer(Answer):
    status = Text("The session's last event.", allow_none=True)
    events = Items(Text(), "The names of the events that this has sent, in order.")

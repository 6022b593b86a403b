"""One visit of a provider's pages: where the person stands, and what the host was not told yet."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from mocksrv.engine.storage.records import Record
from mocksrv.providers.pages.page import PageRequest


class Visit:
    """A visit within one request. Its record begins with the first call of a link; ``state`` is the record's body.

    ``at_first`` is what the state has until it is changed; its ``messages``, as `PageRequest.render` sends them, were
    not sent yet, and its ``turn`` counts what was done.
    """

    def __init__(self, page: PageRequest, record: Record, at_first: Mapping[str, Any]) -> None:
        self.page = page
        self.state: dict[str, Any] = {**at_first, **deepcopy(record.body)}
        self.record = replace(record, body=self.state)  # what is read is shared by all who look

    def is_seen(self) -> bool:
        """Whether the page that asks shows the present step: another tab may have left it, or its answer was lost."""
        turn = str(self.state["turn"])
        return self.page.request.args.get("seen", turn) == turn

    def claim(self) -> bool:
        """Whether this request acts in the present step: of those that are sent at once only the first does. What a
        poll or another page has kept meanwhile stays.
        """
        with self.page.change() as world:
            present = world.get(self.record.kind, self.record.guid)
            if present is None or present.body.get("turn", 0) != self.state["turn"]:
                return False
            self.state.update(deepcopy(present.body), turn=self.state["turn"] + 1)
            self.record.revision = present.revision
            world.save(self.record)
        return True

    def save(self, *, over: bool = False) -> bool:
        """Keeps what has changed, unless another request has changed the visit meanwhile; whether it was kept.
        ``over``: it is kept all the same, for something was done.
        """
        with self.page.change() as world:
            present = world.get(self.record.kind, self.record.guid)
            if present is None or (present.revision != self.record.revision and not over):
                return False
            self.record.revision = present.revision
            world.save(self.record)
        return True

    def take_messages(self) -> list[Any]:
        """What the host was not told yet; it is from now on."""
        messages: list[Any] = self.state["messages"]
        if not messages:
            return []
        self.state["messages"] = []
        return messages if self.save() else []

"""What was seen of a provider, by names, to be looked at member by member."""

from __future__ import annotations

from typing import Any


class Seen:
    """``seen``: answers and callbacks by name."""

    seen: dict[str, Any]

    def value(self, place: str) -> Any:
        """What stands at ``answer: member.member``."""
        name, _, members = place.partition(": ")
        found = self.seen[name]
        for member in members.split("."):
            found = found[int(member)] if isinstance(found, list) else found[member]
        return found

"""The open challenges of a member, as MX shows them."""

from __future__ import annotations

from typing import Any

from mocksrv.engine.play import OpenChallenge
from mocksrv.engine.storage.records import Record
from mocksrv.providers.pictures import WORD, data_uri


def challenges_of(member: Record) -> list[dict[str, Any]]:
    """The open challenges; none when nothing is asked."""
    asked = member.play.asked if member.play is not None else None
    return [_shown(challenge) for challenge in asked.challenges] if asked is not None else []


def _shown(challenge: OpenChallenge) -> dict[str, Any]:
    shown = {
        "field_name": challenge.field_name,
        "guid": challenge.guid,
        "label": challenge.label,
        "type": challenge.type,
    }
    rows = [{"guid": each.guid, "label": each.label, "value": each.value} for each in challenge.options]
    if challenge.type == "OPTIONS":
        return shown | {"options": rows}
    if challenge.type == "IMAGE_OPTIONS":
        images = [each.image or data_uri(each.label) for each in challenge.options]
        return shown | {"image_options": [row | {"data_uri": uri} for row, uri in zip(rows, images, strict=True)]}
    if challenge.type == "IMAGE_DATA":
        return shown | {"image_data": challenge.image or data_uri(WORD)}
    return shown

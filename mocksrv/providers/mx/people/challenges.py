"""The open challenges of a member, as MX shows them."""

from __future__ import annotations

from typing import Any

from mocksrv.engine.play import OpenChallenge
from mocksrv.engine.storage.records import Record

STOCK_IMAGE = (
    "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSIxNjAiIGhlaWdodD0iNDgiPjxyZWN0IHdpZHRoPSIxNj"
    "AiIGhlaWdodD0iNDgiIGZpbGw9IiNlZWUiLz48dGV4dCB4PSIxNiIgeT0iMzIiIGZvbnQtc2l6ZT0iMjQiIGZvbnQtZmFtaWx5PSJzYW5zLXNlcmlmIj5jb3JyZWN0PC90ZXh0"
    "Pjwvc3ZnPg=="
)  # a picture of the word "correct"


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
    images = [{"data_uri": each.image or STOCK_IMAGE} for each in challenge.options]
    if challenge.type == "OPTIONS":
        return shown | {"options": rows}
    if challenge.type == "IMAGE_OPTIONS":
        return shown | {"image_options": [row | image for row, image in zip(rows, images, strict=True)]}
    if challenge.type == "IMAGE_DATA":
        return shown | {"image_data": challenge.image or STOCK_IMAGE}
    return shown

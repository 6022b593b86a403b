"""The base of MX's schemas: fields as MX writes them, documents, and records as documents show them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from marshmallow import ValidationError, fields

from mocksrv.engine.clock import day, iso
from mocksrv.engine.storage.records import Record
from mocksrv.providers import http


class Moment(fields.Field):
    """Milliseconds in a record, ISO 8601 in an answer."""

    def _serialize(self, value: int | None, attr: Any, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else iso(value)


class Day(fields.Field):
    """Milliseconds in a record, a date in an answer."""

    def _serialize(self, value: int | None, attr: Any, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else day(value)


class Money(fields.Field):
    """Decimal dollars, a JSON number."""

    def _serialize(self, value: float | None, attr: Any, obj: Any, **kwargs: Any) -> float | None:
        return None if value is None else float(value)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) >= 1e12:
            raise ValidationError("Not a valid amount.")
        return round(float(value), 2)


AS_IT_IS: Mapping[type, type] = {
    fields.String: str,
    fields.Boolean: bool,
    fields.Integer: int,
    fields.Float: float,
    Money: float,
}


class Document(http.Document):
    """The base of all schemas: renders a flat dict, every field present; unknown members of a request are left out."""

    @cached_property
    def _shown(self) -> list[tuple[str, str, str, type | None, fields.Field[Any]]]:
        """Key in the answer, name, key in the record, type of the values that are shown as they are, field."""
        return [
            (f.data_key or name, name, f.attribute or name, AS_IT_IS.get(type(f)), f)
            for name, f in self.dump_fields.items()
        ]

    def _serialize(self, obj: Any, *, many: bool = False) -> Any:
        """What marshmallow does, in a third of the time: a page of a list has a thousand values, and most of them are
        shown as they are.
        """
        if many:
            return [self._serialize(each) for each in obj]
        answer, get = {}, obj.get
        for key, name, source, plain, each in self._shown:
            value = get(source)
            if plain is None or (value is not None and type(value) is not plain):
                value = each._serialize(value, name, obj)
            answer[key] = value
        return answer


def shown(record: Record, **more: Any) -> dict[str, Any]:
    """A record as the schemas render it: its body, its keys, and what is known beside it (``user_id`` ...)."""
    return {
        **record.body,
        "guid": record.guid,
        "id": record.partner_id,
        "user_guid": record.owner,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "revision": record.revision,
        **more,
    }

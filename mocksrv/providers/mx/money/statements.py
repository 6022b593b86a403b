"""Statements of accounts: what a fetch has brought, and their PDF files."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank.statements import pdf
from mocksrv.providers.mx.http.call import MEMBER, PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, shown

routes = Routes()
KIND = "mx.statement"
STATEMENTS = f"{MEMBER}/statements"
PDF = "application/vnd.mx.api.v1+pdf"


class StatementSchema(Document):
    """A statement. ``content_hash`` is the SHA-256 of the file, ``uri`` where it is, relative to the API's address."""

    account_guid = fields.String()
    content_hash = fields.String()
    created_at = Moment()
    guid = fields.String()
    member_guid = fields.String()
    updated_at = Moment()
    uri = fields.String()
    user_guid = fields.String()


SCHEMA = StatementSchema()


def render(statement: Record) -> dict[str, Any]:
    uri = f"users/{statement.owner}/members/{statement.subject}/statements/{statement.guid}.pdf"
    return dict(SCHEMA.dump(shown(statement, account_guid=statement.parent, member_guid=statement.subject, uri=uri)))


def _find(call: Call, world: World, user: str, member: str, statement: str) -> Record:
    """Raises MXError 404."""
    owner = call.user(world, user)
    subject = call.member(world, owner, member)
    return call.find(world, KIND, statement, owner.guid, subject=subject.guid) or not_found("Statement", statement)


@routes.add("GET", STATEMENTS, "listStatementsByMember")
def list_by_member(call: Call, user: str, member: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        subject = call.member(world, call.user(world, user), member)
        return call.paged(world, Query(KIND, subject=subject.guid), "statements", render)


@routes.add("GET", f"{STATEMENTS}/<statement>", "readStatementByMember")
def read_statement(call: Call, user: str, member: str, statement: str) -> Reply:
    with call.look() as world:
        return Reply({"statement": render(_find(call, world, user, member, statement))})


@routes.add("GET", f"{STATEMENTS}/<statement>.pdf", "downloadStatementPDF")
def download(call: Call, user: str, member: str, statement: str) -> Reply:
    with call.look() as world:
        return Reply(pdf(_find(call, world, user, member, statement).body), mimetype=PDF)

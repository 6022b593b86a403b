"""Where callbacks go: bodies and answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from marshmallow import Schema, ValidationError, validate, validates_schema

from mocksrv.engine.callbacks.addresses import is_header, is_http_url
from mocksrv.engine.secrets import masked_urls
from mocksrv.providers.fields import Answer, Items, Map, Part, Text, not_allowed
from mocksrv.web.control.calls import AUTH_KINDS
from mocksrv.web.control.schemas.shared import EVENT_PATTERN

LACKED = validate.Regexp(
    r"(url|auth\.\w{1,100}|headers\.[^\s]{1,100})\Z", error="{input!r} is nothing that an endpoint can lack"
)


def is_callback_url(text: str) -> None:
    """Raises ValidationError unless it is a URL that callbacks can go to."""
    if not is_http_url(text) or not text.isascii():
        raise ValidationError(f"{masked_urls(text)!r} is not a URL; write http://host:port/path or https://...")
    if urlsplit(text).username is not None:
        raise ValidationError("a URL with a login in it is shown to everybody; write it as auth of the type basic")


class Auth(Schema):
    """How the receiver is convinced that it is the provider. Secrets read back as `***`, and `***` keeps one."""

    type = Text("The kind: `basic`, `oauth2`, `mtls`, `tls`, or one that a provider has of its own.", required=True)
    username = Text("`basic`: the user name.")
    password = Text("`basic`: the password.")
    token_url = Text("`oauth2`: where a token is fetched.", validate=is_callback_url)
    client_id = Text("`oauth2`: the client's id.")
    client_secret = Text("`oauth2`: the client's secret.")
    scope = Text("`oauth2`: the scope, if any.")
    cert = Text("`mtls`: the client's certificate, a file or a PEM text.")
    key = Text("`mtls`: its key, a file or a PEM text.")
    ca = Text("`mtls`, `tls`: who must have signed the receiver's certificate, a file or a PEM text.")
    secret = Text("The kinds of providers: the secret.")

    @validates_schema
    def _members(self, data: dict[str, Any], **_: Any) -> None:
        kinds = current_app.config[AUTH_KINDS]
        if data["type"] not in kinds:
            raise ValidationError(not_allowed(data["type"], kinds), "type")
        required, allowed = kinds[data["type"]]
        for name in data.keys() - {"type", *required, *allowed}:
            raise ValidationError(
                f"does not belong to {data['type']}, which takes {', '.join((*required, *allowed))}", name
            )


class EndpointBody(Schema):
    id = Text("As shown; it follows from the URL, so it may be left out.")
    url = Text("Where callbacks go. One URL is one endpoint.", required=True, validate=is_callback_url)
    events = Items(
        Text(validate=EVENT_PATTERN), "Patterns of event names, `mx.member.*`; none: what a plain client gets."
    )
    auth = Part(Auth, "How the receiver is convinced.")
    headers = Map("Headers of your own.", values=Text())
    paused = Items(
        Text(validate=LACKED),
        "Secrets that an imported state left out: what the endpoint is owed waits until it is put with them.",
    )

    @validates_schema
    def _headers(self, data: dict[str, Any], **_: Any) -> None:
        for name, value in data.get("headers", {}).items():
            if not is_header(name, value):
                raise ValidationError(f"{name!r} is not a header that can be sent", "headers")

    @validates_schema
    def _auth(self, data: dict[str, Any], **_: Any) -> None:
        auth = data.get("auth")
        if not auth:
            return
        required, _allowed = current_app.config[AUTH_KINDS][auth["type"]]
        for name in required:
            if name not in auth and f"auth.{name}" not in data.get("paused", ()):
                raise ValidationError({"auth": {name: [f"missing; {auth['type']} needs {', '.join(required)}"]}})


class EndpointsBody(Schema):
    endpoints = Items(
        Part(EndpointBody), "All endpoints.", required=True, validate=validate.Length(max=1000, error="at most {max}")
    )


class Endpoint(EndpointBody, Answer):
    id = Text("Of the endpoint; it follows from the URL.")
    auth = Part(Auth, "How the receiver is convinced.", optional=True)
    paused = Items(Text(), "It is paused: the state that was imported has left out these secrets of it.", optional=True)


class Endpoints(Answer):
    endpoints = Items(Part(Endpoint), "All endpoints.")
    warnings = Items(Text(), "What may be wrong with them: a host that does not resolve yet.", optional=True)

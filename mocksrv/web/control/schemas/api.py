"""What the control API says of itself."""

from __future__ import annotations

from mocksrv.providers.fields import Answer, Items, Map, Part, Text


class ListedCall(Answer):
    method = Text("The HTTP method.")
    path = Text("The path; parameters are in braces.")
    summary = Text("What it does.")


class CallList(Answer):
    mocksrv = Text("The version.")
    calls = Items(Part(ListedCall), "All control calls.")


class Health(Answer):
    status = Text("`ok`.")
    version = Text("The version.")


class Document(Answer):
    openapi = Text("The version of OpenAPI.")
    info = Map("Title and version.")
    servers = Items(Map(), "Where this sandbox's control API is.")
    paths = Map("The calls.")
    components = Map("The schemas.")

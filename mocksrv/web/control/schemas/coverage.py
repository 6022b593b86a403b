"""Query and answer about what a sandbox's client has met."""

from __future__ import annotations

from marshmallow import Schema

from mocksrv.engine.coverage import KINDS
from mocksrv.providers.fields import Answer, Items, Map, Number, Part, Text, Whole


class CoverageQuery(Schema):
    provider = Text("Only of this provider.")


class MetThing(Answer):
    name = Text("The provider's own name of it.")
    times = Whole("How often.")


class KindCoverage(Answer):
    share = Number("What part of it was met, 0 to 1; null where the provider has none.", allow_none=True)
    met = Items(Part(MetThing), "What was met.")
    not_met = Items(Text(), "What was not.")


class ProviderCoverage(Answer):
    provider = Text("The provider.")
    share = Number("What part of all was met, 0 to 1.")
    kinds = Map(f"Of each kind ({'; '.join(KINDS.values())}).", values=Part(KindCoverage))


class CoverageAnswer(Answer):
    coverage = Items(Part(ProviderCoverage), "Of each provider.")

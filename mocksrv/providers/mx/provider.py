"""MX, as it declares itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mocksrv.engine.names import of_client
from mocksrv.providers.mx.http.rules import RULES
from mocksrv.providers.provider import ControlRoute, Family, PageRoute, Provider

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from mocksrv.engine.config import Config
    from mocksrv.engine.engine import Engine
    from mocksrv.engine.role import Role
    from mocksrv.providers.demo import Demo
    from mocksrv.providers.http import Answer
    from mocksrv.providers.mx.http.call import Call, Mount
    from mocksrv.providers.mx.http.limits import ClientLimits

FACTS = ("guid", "member_guid", "connection_status", "status_name", "amount", "description", "name", "template")
COUNTS = (
    "transactions_created_count",
    "transactions_updated_count",
    "statements_created_count",
    "rewards_created_count",
)


PAGES = tuple(
    PageRoute(method, path, f"mocksrv.providers.mx.pages.{view}")
    for method, path, view in (
        ("GET", "/md/<kind>/<link>", "widget:widget"),
        ("GET", "/md/session/<link>", "widget:session"),
        ("GET", "/md/session/<link>/poll", "widget:poll"),
        ("GET", "/md/session/<link>/search", "widget:search"),
        ("POST", "/md/session/<link>/<act>", "widget:act"),
        ("GET", "/oauth/authorize", "oauth:authorize"),
        ("POST", "/oauth/authorize", "oauth:decide"),
        ("GET", "/oauth/authorize/outcome", "oauth:settle"),
        ("GET", "/oauth/redirect_from", "oauth:redirect_from"),
        ("GET", "/email_verifications/<key>", "verification:verify_email"),
        ("GET", "/sms_verifications/<key>", "verification:verify_phone"),
    )
)


# https://docs.mx.com/api-reference/platform-api/overview/errors
REFUSALS = ("400", "401", "403", "404", "405", "406", "409", "422", "429", "500", "502", "503", "504")


class MXProvider(Provider):
    """The MX Platform API, both versions."""

    name, title, noun = "mx", "MX", "member"
    prefix = ""
    api = "MX Platform API"
    any_credentials = "any client id and API key"
    rules = RULES
    central_event = "mx.member.updated"
    mount: Mount

    @classmethod
    def products(cls) -> Sequence[str]:
        from mocksrv.providers.mx.http.products import PRODUCTS

        return tuple(PRODUCTS)

    @classmethod
    def steps(cls) -> Sequence[str]:
        return "disclosure", "consent"

    def families(self) -> Sequence[Family]:
        from mocksrv.providers.mx.declarations import load
        from mocksrv.providers.mx.families import FAMILIES

        self._families = load(FAMILIES)
        return self._families

    def make_role(self) -> Role:
        from mocksrv.providers.mx.bank.categories import BY_NAME
        from mocksrv.providers.mx.bank.institutions import Institutions
        from mocksrv.providers.mx.bank.loading import Loader
        from mocksrv.providers.mx.declarations import catalogue
        from mocksrv.providers.mx.money.transaction_rules import applier
        from mocksrv.providers.mx.people.lifecycle import MemberRole
        from mocksrv.providers.profiles import Profiles

        self._institutions = Institutions(lambda: [(name, "") for name in self.scenarios()], self.institutions)
        profiles = Profiles(self.config.scenarios, categories=BY_NAME)
        loader, events = Loader(profiles, self._profile_of, applier), catalogue(self._families)
        return MemberRole(loader, frozenset(events.events), events.trigger, self.timers)

    def _profile_of(self, code: str) -> str:
        from mocksrv.providers.mx.bank.institutions import EVERYDAY

        institution = self._institutions.get(code)
        return self._institutions.data_profile(institution) if institution else EVERYDAY

    def make_mount(self, engine: Engine) -> Mount:
        from mocksrv.providers.mx.http.call import Mount
        from mocksrv.providers.mx.http.versions import PLAIN_JSON

        fidelity = self.config.fidelity
        plain = PLAIN_JSON if fidelity == "sdk" else frozenset[str]()
        return Mount(engine, self.role, self.config.credentials, self._institutions, fidelity, plain, self._limits())

    def _limits(self) -> ClientLimits | None:
        if not self.config.limits:
            return None
        from mocksrv.providers.mx.http.limits import ClientLimits

        return ClientLimits()

    def control_routes(self) -> Sequence[ControlRoute]:
        from mocksrv.providers.mx.people.contacts import ContactCalls

        return ContactCalls(self.mount).routes()

    def calls(self) -> type[Call]:
        from mocksrv.providers.mx.http.call import Call

        return Call

    def sandbox_of(self, headers: Headers) -> str | None:
        from mocksrv.providers.mx.http.call import basic_credentials

        given = basic_credentials(headers.get("Authorization"))
        return of_client(given[0]) if given else None

    def pages(self) -> Sequence[PageRoute]:
        return PAGES

    def root(self, call: Call) -> Answer:
        """There is nothing at ``/``; who has not said a version is told how to."""
        return call.refuse_version() or call.refuse(404, "Invalid route")

    @classmethod
    def first_call(cls, config: Config, url: str) -> str:
        user = f"{config.client_id}:$MOCKSRV_API_KEY" if config.client_id else "any:key"
        return f"curl -u {user} -H 'Accept: application/vnd.mx.api.v1+json' '{url}/institutions?name=mx'"

    def operations(self) -> Sequence[str]:
        from mocksrv.providers.mx.http.call import Route

        routes = (route for route in self.routes.values() if isinstance(route, Route))
        return [route.operation for route in routes if max(route.versions) not in route.deprecated]

    @classmethod
    def refusals(cls) -> Sequence[str]:
        return REFUSALS

    @classmethod
    def demo(cls) -> type[Demo]:
        from mocksrv.providers.mx.demo import MXDemo

        return MXDemo

    @classmethod
    def describe(cls, body: Mapping[str, Any]) -> tuple[str, str] | None:
        """``("member updated", "MBR-... CONNECTED")``."""
        wrapper = next((name for name, value in body.items() if isinstance(value, dict)), None)
        action = str(body.get("action") or "")
        if not (action or "type" in body or (wrapper and body[wrapper].keys() & {"guid", "status_name"})):
            return None
        if wrapper is None:
            kind = str(body.get("type") or "event").lower().replace("_", " ")
            return kind, _facts(body)
        what = f"{wrapper.replace('_', ' ')} {action or body[wrapper].get('status_name', '')}"
        return what.rstrip(), _facts(body[wrapper])


def _facts(thing: Mapping[str, Any]) -> str:
    """What tells one event from another."""
    found = [str(thing[name]) for name in FACTS if thing.get(name) not in (None, "")]
    counts = [f"{name.removesuffix('_count').replace('_', ' ')}: {thing[name]}" for name in COUNTS if name in thing]
    return "  ".join([*found[:4], *counts])

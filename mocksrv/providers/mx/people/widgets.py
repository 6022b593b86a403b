"""Widget URLs: addresses of MX's pages for one user, good for ten minutes or one visit. What a page needs is kept with
its URL.

Sources: MX's widget reference (types, options, defaults, precedence), its OpenAPI files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.clock import DAY, MINUTE
from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import USE_CASES, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.products import INSIGHTS
from mocksrv.providers.mx.http.schemas import Document
from mocksrv.providers.mx.http.versions import UNLISTED_WIDGETS, UNSHOWN_WIDGETS, V1, Versioned
from mocksrv.providers.mx.people.identities import opaque
from mocksrv.providers.mx.people.lifecycle import PRODUCTS
from mocksrv.providers.mx.people.members import REFERRALS

routes = Routes()
KIND = "mx.widget"
LIFETIME = 10 * MINUTE
SESSION = "mx.widget_session"  # begun by the first visit of a URL
SESSION_LIFETIME = 2 * DAY
CONNECT = "connect_widget"
# in the file's list of what an answer may show
WIDGETS = (
    "accounts_widget",
    "mini_accounts_widget",
    "actionable_integration_widget",
    "budgets_widget",
    "mini_budgets_widget",
    "cash_flow_widget",
    "mini_cash_flow_widget",
    CONNECT,
    "connections_widget",
    "debts_widget",
    "finstrong_widget",
    "mini_finstrong_widget",
    "goals_widget",
    "help_widget",
    "master_widget",
    "money_dashboard_widget",
    "net_worth_widget",
    "mini_net_worth_widget",
    "notifications_settings_widget",
    "recurringtransactions_widget",
    "mini_recurringtransactions_widget",
    "settings_widget",
    "spending_widget",
    "mini_spending_widget",
    "spending_plan_widget",
    "mini_spending_plan_widget",
    "transaction_rules_widget",
    "transactions_widget",
    "trends_widget",
    "mini_trends_widget",
)
PULSE = "pulse_widget"
PULSE_WIDGETS = (PULSE, "mini_pulse_carousel_widget", "micro_pulse_carousel_widget")
DEFAULTS: Mapping[str, Any] = {
    "color_scheme": "light",
    "disable_institution_search": False,
    "enable_app2app": True,
    "include_identity": False,
    "is_mobile_webview": False,
    "mode": "aggregation",
    "ui_message_version": 4,
    "ui_message_webview_url_scheme": "mx",
    "update_credentials": False,
}
MODES = frozenset({"aggregation", "verification"})
INSTITUTION_OPTIONS = ("current_institution_guid", "current_institution_code")
START_OPTIONS = (
    "current_member_guid",
    *INSTITUTION_OPTIONS,
)  # where the Connect widget begins, in this order of precedence


def _flag(**more: Any) -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, **more)


def _one_of(*allowed: str, **more: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(allowed), **more)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _modes(text: str) -> None:
    """One mode, or several with commas between them. Raises ValidationError."""
    if not MODES.issuperset(_words(text)):
        raise ValidationError(f"Must be one of: {', '.join(sorted(MODES))}; or several of them, with commas.")


class DataRequestSchema(Document):
    products = fields.List(_one_of(*PRODUCTS), required=True)


class DeepLinkSchema(Document):
    launch_integration = _one_of("direct-deposit")


class StyleSchema(Document):
    font_name = fields.String(required=True)


class ConnectSchema(Document):
    """The options of the Connect widget's own, older call; null is the default of each."""

    additional_product_option = _one_of("account_verification", "transactions")
    client_redirect_url = fields.String()
    color_scheme = _one_of("light", "browser", "dark")
    current_institution_code = fields.String()
    current_member_guid = fields.String()
    disable_background_agg = _flag()
    disable_institution_search = _flag()
    enable_app2app = _flag()
    include_identity = _flag()
    include_transactions = _flag()
    is_mobile_webview = _flag()
    mode = fields.String(validate=_modes)
    oauth_referral_source = _one_of(*REFERRALS)
    ui_message_version = fields.Integer(strict=True, validate=validate.Range(1, 4))
    ui_message_webview_url_scheme = fields.String()
    update_credentials = _flag()
    widget_type = _one_of(CONNECT)

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.allow_none = not field_obj.required


class WidgetSchema(ConnectSchema):
    """The options of all widgets."""

    connections_use_case_filter = _flag()
    current_institution_guid = fields.String()
    current_microdeposit_guid = fields.String()
    data_request = fields.Nested(DataRequestSchema)
    deep_link_params = fields.Nested(DeepLinkSchema)
    insight_guid = fields.String()
    iso_country_code = fields.List(_one_of("US", "CA", "MX"))
    locale = fields.String()
    microwidget_instance_id = fields.String()
    style = fields.Nested(StyleSchema)
    use_cases = fields.List(_one_of(*USE_CASES))
    widget_type = _one_of(*WIDGETS, *UNLISTED_WIDGETS, required=True)


CONNECT_REQUEST = ConnectSchema()
REQUEST = Versioned("widget_request", WidgetSchema)


@routes.add("POST", "/users/<user>/widget_urls", "requestWidgetURL", from_pages=True)
def request_url(call: Call, user: str) -> Reply:
    given = call.load("widget_url", REQUEST[call.version])
    if given["widget_type"] in PULSE_WIDGETS:
        call.require(INSIGHTS)
    with call.change() as world:
        owner = call.user(world, user)
        url = _open(call, world, owner, given)
    kind = given["widget_type"]
    unshown = UNSHOWN_WIDGETS[call.version] if call.mount.fidelity == "sdk" else ()
    return Reply({"widget_url": {"type": None if kind in unshown else kind, "url": url, "user_id": owner.partner_id}})


@routes.add(
    "POST",
    "/users/<user>/connect_widget_url",
    "requestConnectWidgetURL",
    versions=(V1,),
    deprecated=(V1,),
    from_pages=True,
)
def request_connect_url(call: Call, user: str) -> Reply:
    """The options stand under ``config``, under ``widget_url``, or are the body itself, which may be empty."""
    body = call.json if call.request.get_data(cache=True) else {}
    root = next((name for name in ("config", "widget_url") if name in body), None)
    given = call.load(root, CONNECT_REQUEST) if root else call.read(body, CONNECT_REQUEST)
    with call.change() as world:
        owner = call.user(world, user)
        url = _open(call, world, owner, {**given, "widget_type": CONNECT})
    return Reply({"user": {"connect_widget_url": url, "guid": owner.guid}})


@routes.due(KIND)
@routes.due(SESSION)
def expires(world: World, record: Record) -> None:
    world.remove(guid=record.guid)


def by_link(world: World, kind: str, link: str) -> Record | None:
    """The widget, or the session, of a link."""
    return next(iter(world.list(Query(kind, partner_id=link, limit=1))), None)


def begin_session(world: World, widget: Record, origin: str) -> str:
    """Begins the session of a widget that is visited for the first time, from a host at ``origin``; its link."""
    widget.body["used_at"] = world.now
    world.save(widget)
    guid, link = world.guid("SES"), opaque(world)
    session = Record(SESSION, guid, {**widget.body, "origin": origin}, owner=widget.owner, partner_id=link)
    world.add(session)
    world.set_timer(session.guid, SESSION, world.now + SESSION_LIFETIME)
    return link


def _open(call: Call, world: World, user: Record, given: Mapping[str, Any]) -> str:
    """Keeps a widget's options and gives the URL at which it waits. Raises MXError 404, 422."""
    options = _with_defaults({name: value for name, value in given.items() if value is not None})
    _check(call, world, user, options)
    expiry = world.now + LIFETIME
    body = {
        "options": options,
        "language": call.request.headers.get("Accept-Language"),
        "callback_headers": call.callback_headers,
        "version": call.version,
        "scenario": call.request.headers.get(SCENARIO_HEADER),
        "expires_at": expiry,
        "used_at": None,
    }
    widget = Record(KIND, world.guid("ANS"), body, owner=user.guid, partner_id=opaque(world))
    world.add(widget)
    world.set_timer(widget.guid, KIND, expiry)
    return f"{call.base_url}/md/{options['widget_type'].removesuffix('_widget')}/{widget.partner_id}"


def _with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options with MX's defaults, some of which follow from others."""
    aggregates = "aggregation" in _words(given.get("mode", DEFAULTS["mode"]))
    following = {
        "disable_background_agg": not aggregates,
        "include_transactions": aggregates,
        "oauth_referral_source": "APP" if given.get("is_mobile_webview") else "BROWSER",
    }
    return {**DEFAULTS, **following, **given}


def _check(call: Call, world: World, user: Record, options: Mapping[str, Any]) -> None:
    """Raises MXError 422 for options that lack another one, 404 when what the page begins with is not there."""
    if options.get("connections_use_case_filter") and not options.get("use_cases"):
        raise MXError(422, "connections_use_case_filter: Needs use_cases.")
    start = next((name for name in START_OPTIONS if options.get(name)), None)
    if options["disable_institution_search"] and start is None:
        raise MXError(422, f"disable_institution_search: Needs one of {', '.join(START_OPTIONS)}.")
    if start == "current_member_guid":
        call.member(world, user, options[start])
    elif start is not None:
        _ = call.institutions.get(options[start]) or not_found("Institution", options[start])
    if "verification" in _words(options["mode"]) and "current_microdeposit_guid" in options:
        guid = options["current_microdeposit_guid"]
        _ = call.find(world, "mx.micro_deposit", guid, user.guid) or not_found("Microdeposit", guid)
    if options["widget_type"] == PULSE and "insight_guid" in options:
        _ = call.find(world, "mx.insight", options["insight_guid"], user.guid) or not_found(
            "Insight", options["insight_guid"]
        )

"""The queries, bodies and answers of the control calls, each declared once. Imported when first needed."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from marshmallow import Schema, ValidationError, post_load, validate, validates_schema

from mocksrv.engine.callbacks.addresses import is_http_url
from mocksrv.engine.callbacks.disturbance import CORRUPTIONS, Disturbance
from mocksrv.engine.clock import EARLIEST_START, LATEST_START, duration_text, iso_ms
from mocksrv.engine.sandbox import Fault
from mocksrv.engine.scenarios.durations import LONGEST_HELD
from mocksrv.engine.scenarios.model import ACTS
from mocksrv.providers.fields import (
    Answer,
    Anything,
    Duration,
    Flag,
    Items,
    Map,
    Moment,
    Number,
    OneOf,
    Part,
    Text,
    Whole,
    not_allowed,
)
from mocksrv.web.control.calls import AUTH_KINDS, LARGEST_PAGE, PAGE

LONGEST_FAULT = 300  # characters of what a fault meets
LONGEST_PATTERN = 1000  # characters of a filter that is a pattern
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
EVENT_PATTERN = validate.Regexp(r"[A-Za-z0-9_.*?\[\]!-]{1,100}\Z", error="{input!r} is no pattern of event names")
FAULT_ON = validate.And(
    validate.Length(max=LONGEST_FAULT, error="may have {max} characters"),
    validate.Regexp(r"([A-Za-z]+|\*) +/\S*\Z", error="{input!r} is not METHOD /path, for example GET /users/*"),
)
PATTERN = validate.Length(max=LONGEST_PATTERN, error="may have {max} characters")
DELIVERY_STATES = ("pending", "delivered", "failed", "dropped")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class Nothing(Schema):
    """Neither parameters nor members."""


# what is shown of many calls


class ProblemDocument(Answer):
    """An RFC 9457 problem document: why a call was refused."""

    type = Text("Always `about:blank`.")
    title = Text("The status in words.")
    status = Whole("The HTTP status.")
    detail = Text("What is wrong, where, and what is allowed.")
    problems = Items(Anything(), "Where there are several: each fault.", optional=True)


class Page(Schema):
    """What every list takes."""

    limit = Whole(
        f"How many, at most. Default {PAGE}.",
        strict=False,
        validate=validate.Range(1, LARGEST_PAGE, error="{input} is not allowed; allowed are {min} to {max}"),
        error_messages={"invalid": f"not a whole number; allowed are 1 to {LARGEST_PAGE}"},
    )
    after = Text("Only what is listed after the one with this id.")
    newest = Flag("`true`: the newest first. Default: the oldest first.")


class HeldPage(Page):
    wait = Duration("Holds the answer until something matches, at most so long (`5s`; at most a minute).")


# the API itself


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


# scenarios


class ScenarioFilter(Schema):
    provider = Text("Only those of this provider.")


class ScenarioShown(Answer):
    name = Text("Its name, unique within the provider.")
    provider = Text("Whose subjects play it.")
    summary = Text("What it does, in a sentence.", allow_none=True)
    extends = Text("The scenario whose flows it takes where it writes none.", allow_none=True)
    flows = Items(Text(), "The names of the flows that it writes.")
    file = Text("Where it is written.", allow_none=True)


class ScenarioText(ScenarioShown):
    text = Text("The script, in YAML.")


class FileFault(Answer):
    file = Text("The file.")
    line = Whole("The line, from 1.")
    column = Whole("The column, from 1.")
    message = Text("What is wrong, and what is allowed.")


class ScenarioList(Answer):
    scenarios = Items(Part(ScenarioShown), "All scenarios: the bundled ones and your own.")
    problems = Items(Part(FileFault), "The faults of files that are left out.")


class ValidationQuery(Schema):
    file = Text("The name that the faults give the file.")


class Validation(Answer):
    valid = Flag("Whether the text is a scenario.")
    problems = Items(Part(FileFault), "Every fault.")
    name = Text("Its name.", optional=True)
    provider = Text("Its provider.", optional=True)


class BindingsBody(Schema):
    default = Text("What new subjects play; null: the provider's happy scenario.", allow_none=True)
    next = Items(Text(), "What the next subjects play, one after the other.")


class Bindings(BindingsBody, Answer):
    """What new subjects play."""


# subjects


class SubjectFilter(HeldPage):
    provider = Text("Only those of this provider.")
    scenario = Text("Only those that play this scenario.")
    status = Text("Only those in this status.")


class Subject(Answer):
    id = Text("The provider's id of it.")
    provider = Text("Whose it is.")
    scenario = Text("What it plays.")
    chosen_by = Text("Why it plays that: `header`, `institution`, `next`, `login`, `default`, `happy`, `hand`.")
    status = Text("The provider's word for how it stands.", allow_none=True)
    owner = Text("The id of the user or customer whose it is.")
    job = Text("The job that runs.", allow_none=True)
    flow = Text("The flow that is played.", allow_none=True)


class SubjectList(Answer):
    subjects = Items(Part(Subject), "Members, accounts and sessions.")


class TimelineEntry(Answer):
    at = Moment("When, in the sandbox's time.")
    status = Text("The status that was entered.", allow_none=True)
    flow = Text("The flow that was played.", allow_none=True)
    step = Text("File and line of the step.", allow_none=True)
    cause = Text("Why.")


class SubjectShown(Subject):
    """A subject; of one that is deleted only id, status, `deleted` and timeline."""

    provider = Text("Whose it is.", optional=True)
    scenario = Text("What it plays.", optional=True)
    chosen_by = Text("Why it plays that.", optional=True)
    owner = Text("The id of the user or customer whose it is.", optional=True)
    job = Text("The job that runs.", allow_none=True, optional=True)
    flow = Text("The flow that is played.", allow_none=True, optional=True)
    deleted = Flag("True when it is deleted.", optional=True)
    timeline = Items(Part(TimelineEntry), "What happened to it, oldest first.")


class MoveBody(Schema):
    scenario = Text("The scenario that it plays from now on.", required=True)
    flow = Text("The flow to play now; without it the next call plays one.", allow_none=True)


class PushBody(Schema):
    status = Text("The status to enter, in the provider's words.", required=True)
    set = Map("Further fields of the subject, for example `connection_status_message`.")


class ActBody(Schema):
    do = Text("What the person does.", required=True, validate=OneOf(ACTS))
    answers = Items(Text(), "With `answer`: a text for each open question, in their order.")


# time


class Clock(Answer):
    mode = Text("`real`, `manual`, or a speed such as `x60`: the words of `--clock`.")
    now = Moment("The sandbox's time.")
    next = Moment("When something falls due next; null: nothing waits.", allow_none=True)


class ClockMoment(Moment):
    """A moment that a clock can show, with all that hangs on it."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        moment = super()._deserialize(value, *args, **options)
        if not EARLIEST_START <= moment <= LATEST_START:
            raise ValidationError(f"a clock shows {iso_ms(EARLIEST_START)} to {iso_ms(LATEST_START)}")
        return moment


class ClockBody(Schema):
    mode = Text("`real`, `manual`, or a speed such as `x60`.")
    now = ClockMoment("The time to set; it may be earlier.")


class Target(ClockMoment):
    """A moment, or ``next``."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        return value if value == "next" else super()._deserialize(value, *args, **options)


class AdvanceBody(Schema):
    by = Duration("How far, for example `1h`.")
    to = Target("Until when: a moment, or `next`, when something falls due.")
    wait = Duration("Real time that it may take. Default 60s.")

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_: Any) -> None:
        if ("by" in data) == ("to" in data):
            raise ValidationError('say how far: {"by": "1h"}, {"to": "2026-01-01T12:00:00Z"} or {"to": "next"}')


class Happening(Answer):
    at = Moment("When, in the sandbox's time.")
    kind = Text("`status`, `play`, `event`, `callback` or `waits`.")
    subject = Text("Whom it is about: a subject, of a callback the event's id.", allow_none=True)
    detail = Text("What happened.")


class Advanced(Answer):
    now = Moment("The time reached.")
    happened = Items(Part(Happening), "What happened on the way, in order.")
    complete = Flag("False when the time was not enough to get there.", optional=True)


# endpoints and faults


def is_callback_url(text: str) -> None:
    """Raises ValidationError unless it is a URL that callbacks can go to."""
    if not is_http_url(text) or not text.isascii():
        raise ValidationError(f"{text!r} is not a URL; write http://host:port/path or https://...")
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
        for name in required:
            if name not in data:
                raise ValidationError(f"missing; {data['type']} needs {', '.join(required)}", name)
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

    @validates_schema
    def _headers(self, data: dict[str, Any], **_: Any) -> None:
        for name, value in data.get("headers", {}).items():
            if not HEADER_NAME.fullmatch(name) or not value.isascii() or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
                raise ValidationError(f"{name!r} is not a header that can be sent", "headers")


class EndpointsBody(Schema):
    endpoints = Items(
        Part(EndpointBody), "All endpoints.", required=True, validate=validate.Length(max=1000, error="at most {max}")
    )

    @validates_schema
    def _once(self, data: dict[str, Any], **_: Any) -> None:
        places: dict[str, int] = {}
        for place, item in enumerate(data["endpoints"]):
            first = places.setdefault(item["url"], place)
            if first != place:
                raise ValidationError(
                    {f"endpoints.{place}.url": [f"is that of endpoints.{first}; one URL is one endpoint"]}
                )


class Endpoint(EndpointBody, Answer):
    id = Text("Of the endpoint; it follows from the URL.")
    auth = Part(Auth, "How the receiver is convinced.", optional=True)


class Endpoints(Answer):
    endpoints = Items(Part(Endpoint), "All endpoints.")
    warnings = Items(Text(), "What may be wrong with them: a host that does not resolve yet.", optional=True)


# What a rule of each kind may say beside ``times``: one of the API's calls, and one of callbacks, as a scenario's
# `fault` and `webhooks`.
CALL_FAULT = ("status", "delay", "drop")
CALLBACK_FAULT = ("drop", "delay", "repeat", "shuffle", "corrupt", "stale", "wrong_credentials", "wrong_content_type")


class FaultRule(Schema):
    """A rule of misbehaviour: of calls (`on`) or of callbacks (`events`)."""

    on = Text("Calls: METHOD /path; `*` stands for one segment, a last `**` for the rest.", validate=FAULT_ON)
    events = Text("Callbacks: a pattern of event names.", validate=EVENT_PATTERN)
    times = Whole(
        "How many of them it meets; without it all.",
        allow_none=True,
        validate=validate.Range(1, 1_000_000, error="allowed are {min} to {max}"),
    )
    status = Whole(
        "Calls: the status that is answered.",
        allow_none=True,
        validate=validate.Range(400, 599, error="allowed are {min} to {max}"),
    )
    delay = Duration("How long the answer is held, in real time; or the callback, in the sandbox's.")
    drop = Flag("Calls: the connection is closed without an answer. Callbacks: they are not sent.")
    repeat = Whole(
        "Callbacks: how often each is sent.", validate=validate.Range(1, 100, error="allowed are {min} to {max}")
    )
    shuffle = Flag("Callbacks: their order is changed.")
    corrupt = Anything("Callbacks: what is wrong with the body.", validate=OneOf((True, False, *CORRUPTIONS)))
    stale = Flag("Callbacks: an earlier state is sent.")
    wrong_credentials = Flag("Callbacks: with wrong credentials.")
    wrong_content_type = Flag("Callbacks: with a wrong Content-Type.")


class FaultBody(FaultRule):
    @validates_schema
    def _one_kind(self, data: dict[str, Any], **_: Any) -> None:
        if ("on" in data) == ("events" in data):
            raise ValidationError(
                'say what it meets: {"on": "GET /users/*", ...} for calls, {"events": "mx.member.*", ...} for callbacks'
            )
        allowed = CALL_FAULT if "on" in data else CALLBACK_FAULT
        for name in data.keys() - {"on", "events", "times", *allowed}:
            raise ValidationError(f"does not belong here; allowed are {', '.join(allowed)}", name)
        if "on" in data and data.get("delay", 0) > LONGEST_HELD:
            raise ValidationError(f"an answer is held for {duration_text(LONGEST_HELD)} at most", "delay")
        if "events" in data and data.keys() <= {"events", "times"}:
            raise ValidationError(f"say what happens to them: {', '.join(CALLBACK_FAULT)}", "events")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Fault | Disturbance:
        delay = data.pop("delay", 0)
        if "on" in data:
            return Fault.make(**data, delay_ms=delay)
        events, times = data.pop("events"), data.pop("times", None)
        return Disturbance(events, {**data, **({"delay_ms": delay} if delay else {})}, times)


class FaultsBody(Schema):
    faults = Items(
        Part(FaultBody), "All rules.", required=True, validate=validate.Length(max=100, error="at most {max}")
    )


class Faults(Answer):
    faults = Items(Map(), "All rules, as they are put; `times` is what is left of it (null: for ever).")


# callbacks


class WebhookFilter(HeldPage):
    event = Text("Only events that fit this pattern, `mx.member.*`.", validate=PATTERN)
    subject = Text("Only those about this subject.")
    state = Text("Only those with a delivery in this state.", validate=OneOf(DELIVERY_STATES))


class Attempt(Answer):
    at = Moment("When, in the sandbox's time.")
    status = Whole("The status that the receiver answered.", allow_none=True)
    error = Text("Why there was no answer.", allow_none=True)
    duration_ms = Number("How long it took, in real milliseconds.")


class WholeAttempt(Attempt):
    request = Map("What was sent: `url`, `headers`, `body`.")
    response = Map("What was answered: `headers`, `body`.")


class Delivery(Answer):
    endpoint = Text("The endpoint's URL.")
    state = Text("How it stands.", validate=OneOf(DELIVERY_STATES))
    next_attempt_at = Moment("When it is tried again.", allow_none=True)
    attempts = Items(Part(Attempt), "What was tried, oldest first.")


class WholeDelivery(Delivery):
    attempts = Items(Part(WholeAttempt), "What was tried, oldest first, with what was sent and answered.")


class Webhook(Answer):
    id = Text("The event's id.")
    event = Text("Its name.")
    subject = Text("The id of what it is about.", allow_none=True)
    occurred_at = Moment("When, in the sandbox's time.")
    payload = Anything("The body.")
    headers = Map("The provider's headers.")
    deliveries = Items(Part(Delivery), "What each endpoint was sent.")


class WholeWebhook(Webhook):
    deliveries = Items(Part(WholeDelivery), "What each endpoint was sent.")


class WebhookList(Answer):
    webhooks = Items(Part(Webhook), "Events with their deliveries.")


class WholeWebhookList(Answer):
    webhooks = Items(Part(WholeWebhook), "Events with their deliveries.")


class ReplayBody(Schema):
    since = Moment("From when on, in the sandbox's time.", required=True)
    event = Text("Only events that fit this pattern.", validate=PATTERN)
    subject = Text("Only those about this subject.")


class Replayed(Answer):
    replayed = Items(Text(), "The ids of the events that are sent again.")


class TriggerBody(Schema):
    event = Text("The name of a catalogued event.", required=True)
    subject = Text("What it is about; without one the newest that fits, or an invented one.", allow_none=True)
    payload = Map("Fields over the event's own, wherever they stand in its body.")
    extra = Flag("Fields that the event does not have are meant, too.")


class EventList(Answer):
    events = Items(Text(), "The names of all events.")


# requests


class RequestFilter(HeldPage):
    method = Text("Only calls with this method.", validate=OneOf(METHODS))
    path = Text("Only calls whose path fits this pattern, `/users/*`.", validate=PATTERN)
    status = Whole(
        "Only calls with this answer.",
        strict=False,
        validate=validate.Range(100, 599, error="{input} is not an HTTP status; allowed are {min} to {max}"),
    )


class Violation(Answer):
    rule = Text("The rule that was broken.")
    detail = Text("What broke it.")


class Message(Answer):
    """One side of a call; secrets are shown as `***`."""

    headers = Map("The headers.", values=Text())
    body = Anything("The body: JSON as such, else its text.", allow_none=True)
    truncated = Flag("True when only the first 64 kB are kept.", optional=True)


class Request(Answer):
    id = Text("As in the answer's header `X-Mocksrv-Request`.")
    at = Moment("When, in the sandbox's time.")
    method = Text("The method.")
    path = Text("The path.")
    query = Text("The query, as it was sent.")
    status = Whole("The status that was answered.")
    duration_ms = Number("How long it took, in real milliseconds.")
    violations = Items(Part(Violation), "How it broke the provider's contract.")
    request = Part(Message, "What was sent.")
    response = Part(Message, "What was answered.")


class RequestList(Answer):
    requests = Items(Part(Request), "Calls of the providers' APIs.")


class WholeRequest(Request):
    """A call, and why it was answered so."""

    operation = Text("The provider's name of the operation.", allow_none=True, optional=True)
    subject = Text("Whom it is about.", optional=True)
    scenario = Text("What that plays.", allow_none=True, optional=True)
    flow = Text("The flow.", allow_none=True, optional=True)
    step = Text("File and line of the step.", allow_none=True, optional=True)
    status_before = Text("How it stood before.", allow_none=True, optional=True)
    status_after = Text("How it stood afterwards.", allow_none=True, optional=True)
    counted = Text("Why it stands in a status that its scenario does not write.", optional=True)
    nearest = Text("Of an unknown route: the nearest that there is.", allow_none=True, optional=True)
    fault = Text("The fault that made the answer.", optional=True)
    unread = Items(Text(), "Fields of the body that nobody read.", optional=True)


class ListedViolation(Violation):
    id = Text("Its own: the call's, and which of its violations it is.")
    call = Text("The call's.")
    at = Moment("When, in the sandbox's time.")
    method = Text("The call's method.")
    path = Text("The call's path.")


class ViolationList(Answer):
    violations = Items(Part(ListedViolation), "What broke the providers' contracts.")


# sandboxes


class SandboxList(Answer):
    sandboxes = Items(Text(), "The names of all sandboxes.")


class SandboxBody(Schema):
    seed = Whole("What all ids, names and amounts follow from; null: chance.", required=True, allow_none=True)


class SandboxShown(Answer):
    name = Text("Its name.")
    seed = Whole("What all ids, names and amounts follow from.", allow_none=True)
    clock = Part(Clock, "Its time.")
    bindings = Part(Bindings, "What new subjects play.")

"""Queries and answers about the calls of the providers' APIs."""

from __future__ import annotations

from marshmallow import validate

from mocksrv.engine.scenarios.vocabulary import METHODS
from mocksrv.engine.violations import RULES, SEVERITIES
from mocksrv.providers.fields import Answer, Anything, Flag, Items, Map, Moment, Number, OneOf, Part, Text, Whole
from mocksrv.web.control.schemas.shared import PATTERN, HeldPage


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
    severity = Text(f"How bad that is: {', '.join(f'`{name}`: {means}' for name, means in SEVERITIES.items())}.")
    detail = Text("What broke it: a field, a parameter, or a sentence.")
    nearest = Text("Of an unknown field or parameter: the nearest that the operation knows.", allow_none=True)
    text = Text("What the rule says is wrong.")
    mend = Text("What to do about it.")
    source = Text("Where the provider says so.")


class ViolationFilter(RequestFilter):
    provider = Text("Only of this provider's contract.")
    rule = Text("Only of this rule.", validate=OneOf([*RULES]))
    severity = Text("Only as bad as this.", validate=OneOf([*SEVERITIES]))


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

    provider = Text("Whose API was called.")
    operation = Text("The provider's name of the operation.", allow_none=True, optional=True)
    subject = Text("Whom it is about.", optional=True)
    scenario = Text("What that plays.", allow_none=True, optional=True)
    flow = Text("The flow.", allow_none=True, optional=True)
    step = Text("File and line of the step.", allow_none=True, optional=True)
    status_before = Text("How it stood before; null where the call made it.", allow_none=True, optional=True)
    status_after = Text("How it stood afterwards; null where the call deleted it.", allow_none=True, optional=True)
    counted = Text("Why it stands in a status that its scenario does not write.", optional=True)
    nearest = Text(
        "Of an unknown route: the nearest that there is, or that of its path with the methods that it has, "
        "`GET, POST /users`.",
        allow_none=True,
        optional=True,
    )
    fault = Text("The fault that made the answer.", optional=True)
    unread = Items(Text(), "Fields of the body that nobody read.", optional=True)
    ping = Anything(
        "Finicity: what the ping of a session's webhook was answered, its status or an error.", optional=True
    )
    investment_holdings = Text("MX: whether the user is `enrolled` from now on, or `deactivated`.", optional=True)


class ListedViolation(Violation):
    id = Text("Its own.")
    call = Text("The id of the call; null where a webhook's answer broke the rule.", allow_none=True)
    webhook = Text("The id of that webhook; null for a call.", allow_none=True)
    at = Moment("When, in the sandbox's time.")
    provider = Text("Whose contract it is.")
    method = Text("The call's method; of a webhook that of its delivery.")
    path = Text("The call's path; of a webhook the endpoint's URL.")
    status = Whole("What was answered; null for nothing.", allow_none=True)


class ViolationList(Answer):
    violations = Items(Part(ListedViolation), "What broke the providers' contracts.")

"""The state of a sandbox as one document: all that is in it. docs/state.md says how it is used."""

from __future__ import annotations

from marshmallow import Schema

from mocksrv.providers.fields import Answer, Flag, Items, Map, Number, OneOf, Part, Text, Whole
from mocksrv.web.control.schemas.callbacks import DELIVERY_STATES
from mocksrv.web.control.schemas.sandboxes import SandboxShown

MS = "in milliseconds since 1970, in the sandbox's time"


class StateQuery(Schema):
    secrets = Flag("`true`: with the secrets of endpoints and partners. Default: without them.")


class StateClock(Answer):
    mode = Text("How it runs: `real`, `manual`, or a speed such as `x60`.")
    now = Text("What it showed. It goes on from there.")


class StateEndpoint(Answer):
    id = Text("What deliveries name.")
    url = Text("Where callbacks go.")
    events = Items(Text(), "Patterns of event names.")
    auth = Map("How the receiver is convinced.", values=Text())
    headers = Map("Headers of your own.", values=Text())
    paused = Items(Text(), "The secrets that were left out.")


class StateFault(Answer):
    method = Text("Of the calls that it meets; `*`: any.")
    path = Text("The pattern of their paths.")
    status = Whole("What is answered.", allow_none=True)
    delay_ms = Whole("How long that takes, in milliseconds.")
    drop = Flag("Whether the connection is ended instead.")
    skip = Whole("How many calls it lets through before that.")
    times = Whole("How many more calls it meets.", allow_none=True)


class StateDisturbance(Answer):
    events = Text("The pattern of the events that it meets.")
    directives = Map("What happens to their callbacks.")
    skip = Whole("How many events it lets through before that.")
    times = Whole("How many more events it meets.", allow_none=True)


class StateSettings(Answer):
    seed = Whole("What ids, names and amounts follow from.", allow_none=True)
    default = Text("The scenario that is played when nothing else chooses.", allow_none=True)
    next = Items(Text(), "The scenarios that the next subjects play.")
    endpoints = Items(Part(StateEndpoint), "Where callbacks go.")
    faults = Items(Part(StateFault), "What goes wrong with calls.")
    disturbances = Items(Part(StateDisturbance), "What goes wrong with callbacks.")
    without = Items(Text(), "Products that the client has not bought.")
    steps = Items(Text(), "Steps of widgets that are switched on.")
    all_events = Flag("Whether all events are recorded.")
    salt = Text("The name of a sandbox that ids are mixed with; the state keeps it wherever it goes.", allow_none=True)


class StateScenario(Answer):
    provider = Text("Whose subjects play it.")
    name = Text("Its name.")
    text = Text("The script, in YAML.")


class StateRecord(Answer):
    kind = Text("What it is, `mx.member`.")
    guid = Text("Its id.")
    owner = Text("Whose it is.")
    subject = Text("The subject whose play made it.", allow_none=True)
    parent = Text("What it hangs under.", allow_none=True)
    partner_id = Text("The id that a client, or a bank, knows it by.", allow_none=True)
    sort = Whole("Its place in lists.")
    revision = Whole("How often it was written.")
    created_at = Whole(f"When it was made, {MS}.")
    updated_at = Whole(f"When it was changed last, {MS}.")
    body = Map("What the provider keeps of it.")
    play = Map("Of a subject: where it stands in its scenario.", allow_none=True)


class StateTimer(Answer):
    subject = Text("What is moved on.")
    kind = Text("By what.")
    due = Whole(f"When, {MS}.")


class StateMoment(Answer):
    subject = Text("Whose timeline it is of.")
    at = Whole(f"When it was, {MS}.")
    status = Text("The status that was entered.", allow_none=True)
    flow = Text("The flow that played.", allow_none=True)
    step = Text("File and line of its step.", allow_none=True)
    cause = Text("Why.")


class StateEvent(Answer):
    id = Text("Its id.")
    name = Text("Its name.")
    subject = Text("What it is about.", allow_none=True)
    occurred_at = Whole(f"When it was, {MS}.")
    payload = Text("The body of its callbacks, byte for byte.")
    headers = Map("Headers of its own.", values=Text())


class StateAttempt(Answer):
    at = Whole(f"When it was, {MS}.")
    status = Whole("What the receiver answered.", allow_none=True)
    error = Text("Why there was no answer.", allow_none=True)
    duration_ms = Number("How long it took, in real milliseconds.")
    request = Map("What was sent, without secrets.")
    response = Map("What came back.")


class StateDelivery(Answer):
    event = Text("The id of the event.")
    endpoint = Text("Where it goes.")
    state = Text("What has become of it.", validate=OneOf(DELIVERY_STATES))
    next_attempt_at = Whole(
        f"When it is sent, {MS}; 0: at once; null and pending: when its endpoint has its secrets.", allow_none=True
    )
    place = Whole("Its place in line.")
    used = Whole("How many attempts of the provider's schedule are used up.")
    options = Map("What is done to it when it is sent; a session's own endpoint.")
    attempts = Items(Part(StateAttempt), "What came of it so far.")


class StateDocument(Answer):
    """A sandbox with all that is in it but its journal."""

    mocksrv = Text("The version that has written it.")
    format = Whole("The format. Later versions read it, too.")
    sandbox = Text("The name of the sandbox that it is of.")
    clock = Part(StateClock, "Its time.")
    ids = Whole("How many ids its seed has given.")
    settings = Part(StateSettings, "What is set.")
    scenarios = Items(Part(StateScenario), "Scenarios of its own.")
    records = Items(Part(StateRecord), "All that providers keep, in the order in which it was made.")
    timers = Items(Part(StateTimer), "What falls due.")
    timeline = Items(Part(StateMoment), "What has happened to subjects.")
    events = Items(Part(StateEvent), "Webhooks.")
    deliveries = Items(Part(StateDelivery), "What endpoints were and are owed.")


class Imported(SandboxShown):
    warnings = Items(Text(), "What this server lacks: scenarios that the state names.", optional=True)


class ForkBody(Schema):
    name = Text("The name of the copy.", required=True)

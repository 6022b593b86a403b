"""The words of the providers: what scenario files, faults, endpoints and pushes may name, and what to say of others.

Each ``…_problem`` gives a sentence about a word that can match or mean nothing, with the nearest that can; None for a
word that is fine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mocksrv.engine.patterns import fits
from mocksrv.engine.problems import Problem, choose, near, short
from mocksrv.engine.yamlschema import FileSchema

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
ANY = "*"
_PARAMETER = re.compile(r"<[^>]*>")
_NEARLY = 0.4  # how like a path another must be to be named


class Template(NamedTuple):
    """One operation: its method, and its path in Flask's spelling (``<parameter>``) with the provider's prefix."""

    method: str
    path: str


def _all_agree(status: str, fields: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


def _all_fit(event: str, fields: Mapping[str, Any]) -> str | None:
    return None


class Vocabulary(NamedTuple):
    """The words of one provider: what its scenarios may name.

    ``flows`` are those that calls play, ``happy`` is the scenario played when nothing else is chosen, ``fields`` what
    ``set`` may name, each with the JSON Schema of its values, ``asking`` the status that waits for answers (None: any
    may), ``options`` the named option lists, ``products`` what institutions may offer (none: anything), ``profiles``
    gives the data profiles and ``profile_problems`` the faults of the user's own. ``operations`` are those that a fault
    may meet (none: they are not checked). ``acts`` are the statuses that a subject only enters after a person has acted
    (chosen a bank, logged in ...), with the number of that act, counted from 1 in the order in which they are done.
    ``disagreements`` says which fields of a ``set`` contradict a status, and what is allowed; ``payload_problem`` what
    is wrong with fields over an event's payload.
    """

    provider: str
    statuses: frozenset[str]
    flows: frozenset[str]
    events: frozenset[str]
    happy: str
    fields: Mapping[str, Mapping[str, Any]] = {}
    asking: str | None = None
    options: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    profiles: Callable[[], frozenset[str]] = frozenset
    profile_problems: Callable[[], Sequence[Problem]] = tuple
    operations: Sequence[Template] = ()
    acts: Mapping[str, int] = {}
    disagreements: Callable[[str, Mapping[str, Any]], Mapping[str, str]] = _all_agree
    payload_problem: Callable[[str, Mapping[str, Any]], str | None] = _all_fit

    def field_schema(self) -> FileSchema:
        """What ``set`` may say."""
        return FileSchema({"title": "set", "type": "object", "properties": self.fields, "additionalProperties": False})


def field_problems(fields: Mapping[str, Any], vocabulary: Vocabulary) -> list[str]:
    """Why fields cannot be ``set``: names that the subject does not have, values that are not of the field's type."""
    return [message for _, message in vocabulary.field_schema().faults(fields)]


def fault_problem(on: str, vocabularies: Iterable[Vocabulary]) -> str | None:
    """Why a fault ``on`` a method and a path (``GET /users/*/members/*/status``) would meet no call."""
    operations = [each for words in vocabularies for each in words.operations]
    method, _, path = on.strip().rpartition(" ")
    method = method.strip().upper()
    if not method:
        usual = min((each.method for each in operations if _may_match(path, each.path)), default="GET")
        return f"{short(on)} has no method: write '{usual} {path}', or '{ANY} {path}' for any"
    if method not in (ANY, *METHODS):
        return f"unknown method {short(method)}; {choose(method, METHODS, [*METHODS, ANY])[0]}"
    if not operations:
        return None
    fitting = sorted({each.method for each in operations if _may_match(path, each.path)})
    if not fitting:
        guess = _nearest(method, path, operations)
        return f"no operation has the path {short(path)}" + (f"; did you mean '{guess}'?" if guess else "")
    if method in (ANY, "OPTIONS", *fitting) or (method == "HEAD" and "GET" in fitting):
        return None
    return f"no operation is {short(f'{method} {path}')}; the methods of this path: {', '.join(fitting)}"


def _may_match(pattern: str, template: str) -> bool:
    """Whether some path fits both a fault's pattern (``*`` is within a segment, ``**`` anything) and an operation's."""
    wanted, given = pattern.split("/"), template.split("/")
    for place, part in enumerate(wanted):
        if "**" in part:
            start = part.partition("**")[0]
            return place < len(given) and (not start or _fits(f"{start}*", given[place]))
        if place >= len(given) or not _fits(part, given[place]):
            return False
    return len(wanted) == len(given)


def _fits(part: str, segment: str) -> bool:
    """The same for one segment. Of two that both leave something open only the beginnings are compared."""
    if not _PARAMETER.search(segment):
        return re.fullmatch(re.escape(part).replace(r"\*", "[^/]*"), segment) is not None
    if ANY not in part:
        literal = _PARAMETER.split(segment)
        return re.fullmatch("[^/]+".join(map(re.escape, literal)), part) is not None
    start, fixed = part.partition(ANY)[0], segment.partition("<")[0]
    return start.startswith(fixed) or fixed.startswith(start)


def _nearest(method: str, path: str, operations: Iterable[Template]) -> str | None:
    """The operation whose path is most like one, as a fault writes it."""
    written = {_PARAMETER.sub(ANY, each.path): each.method for each in sorted(operations, reverse=True)}
    guess = near(path, written, cutoff=_NEARLY)
    if guess is None:
        return None
    methods = {each.method for each in operations if _PARAMETER.sub(ANY, each.path) == guess}
    return f"{method if method in (ANY, *methods) else min(methods)} {guess}"


def event_problem(name: str, vocabularies: Iterable[Vocabulary]) -> str | None:
    """Why a name is that of no event."""
    events = sorted({event for words in vocabularies for event in words.events})
    if name in events:
        return None
    return f"unknown event {short(name)}; {_meant(name, events, events)}"


def pattern_problem(pattern: str, vocabularies: Iterable[Vocabulary]) -> str | None:
    """Why a pattern (``PROVIDER.member.*``) fits no event."""
    events = sorted({event for words in vocabularies for event in words.events})
    if any(fits(event, pattern) for event in events):
        return None
    groups = sorted({group for event in events for group in _groups(event)})
    widest = [group for group in groups if group.count(".") == 1]  # one for each provider: events are far too many
    return f"no event is called {short(pattern)}; {_meant(pattern, [*groups, *events], widest)}"


def _groups(event: str) -> Iterator[str]:
    """The patterns for what an event belongs to: ``PROVIDER.*``, ``PROVIDER.member.*``."""
    parts = event.split(".")
    for length in range(1, len(parts)):
        yield ".".join([*parts[:length], ANY])


def _meant(word: str, likely: Sequence[str], allowed: Sequence[str]) -> str:
    """The clause of `choose`; a name that the provider's own bodies use means the event that ends with it."""
    last = re.split(r"[./]", word.lower())[-1]
    ending = [event for event in likely if event.lower().rpartition(".")[2] == last]
    clause, guess = choose(word, likely, allowed)
    return clause if guess or not ending else f"did you mean '{ending[0]}'? {clause[0].upper()}{clause[1:]}"

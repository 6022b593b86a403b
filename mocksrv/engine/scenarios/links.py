"""How the flows of a scenario hang together: targets that exist, flows that are reached, play that waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mocksrv.engine.problems import choose, short
from mocksrv.engine.scenarios.model import OUTCOMES, Relatives, Scenario, Step
from mocksrv.engine.scenarios.steps import parse_after
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.yamlschema import Place, Problems, mapping


class _Link(NamedTuple):
    """A reference to a flow, at a place in this file."""

    place: Place
    target: str


class Links:
    """How the flows hang together: those of the file, of what it extends, and of the provider's defaults."""

    def __init__(
        self,
        values: Mapping[str, Any],
        flows: Mapping[str, list[tuple[int, dict[str, Any]]]],
        vocabulary: Vocabulary,
        library: Relatives | None,
        problems: Problems,
    ) -> None:
        self._problems = problems
        self._vocabulary = vocabulary
        self._flows = flows
        self._links = {
            name: [link for index, step in steps for link in _links(name, index, step)] for name, steps in flows.items()
        }
        ancestors = _ancestors(values, vocabulary.provider, library, problems)
        self._complete = ancestors is not None
        self._inherited: dict[str, tuple[Step, ...]] = (
            dict(library.default_flows(vocabulary.provider)) if library else {}
        )
        for ancestor in reversed(ancestors or []):
            self._inherited.update(ancestor.flows)

    def check(self, loose: frozenset[str]) -> None:
        self._check_loops()
        if not self._complete:
            return  # without knowing what it extends, nobody can say what is reached
        roots = self._vocabulary.flows | loose | set(self._inherited)
        roots |= {target for steps in self._inherited.values() for step in steps for _, target in step.targets()}
        known = self._flows.keys() | self._inherited.keys() | self._vocabulary.flows
        lost = [link for links in self._links.values() for link in links if link.target not in known]
        guesses = {}
        for link in lost[:200]:
            guesses[link] = choose(link.target, known, sorted(known))
        reached = self._reach(roots | {guess for _, guess in guesses.values() if guess})
        islands = self._islands(reached)
        for link, (clause, guess) in guesses.items():
            said = (
                f"did you mean '{islands.pop(0)}', which nothing else reaches?" if guess is None and islands else clause
            )
            self._problems.at(link.place, f"there is no flow {short(link.target)}; {said}")
        for name in islands:
            if not self._problems.full:
                calls = self._vocabulary.flows
                clause, _ = choose(name, calls - self._flows.keys(), calls, intro="flows that calls play")
                self._problems.at(("flows", name), f"nothing reaches the flow {short(name)}; {clause}", key=True)

    def _reach(self, roots: set[str] | frozenset[str]) -> set[str]:
        reached: set[str] = set()
        waiting = [name for name in roots if name in self._links]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += [link.target for link in self._links[name] if link.target in self._links]
        return reached

    def _islands(self, reached: set[str]) -> list[str]:
        """The flows to report of those not reached: a flow that hangs on another unreached one is not a mistake of its
        own.
        """
        unreached = [name for name in self._links if name not in reached]
        hanging = {link.target for name in unreached for link in self._links[name] if link.target != name}
        heads = [name for name in unreached if name not in hanging]
        covered = reached | self._reach(set(heads))
        for name in unreached:
            if name not in covered:
                heads.append(name)
                covered |= self._reach({name})
        return heads

    def _check_loops(self) -> None:
        """Reports circles of ``then`` in which no time passes."""
        done: set[str] = set()
        for start in self._flows:
            trail: dict[str, Place | None] = {}
            name: str | None = start
            while name is not None and name not in done and name not in trail:
                trail[name], following = self._hurries(name)
                name = following
            if name in trail:
                circle = list(trail)[list(trail).index(name) :]
                place = next((trail[flow] for flow in circle if trail[flow]), None)
                if place:
                    said = " -> ".join([*circle, circle[0]])
                    self._problems.at(
                        place, f"this goes round for ever without waiting: {short(said)}; write an 'after' on the way"
                    )
            done |= trail.keys()

    def _hurries(self, name: str) -> tuple[Place | None, str | None]:
        """The flow that follows at once after this one, and where this file says so."""
        if name in self._flows:
            steps = self._flows[name]
            if any(_waits(step) for _, step in steps):
                return None, None
            found = [(index, step["then"]) for index, step in steps if isinstance(step.get("then"), str)]
            return (("flows", name, found[0][0], "then"), found[0][1]) if found else (None, None)
        inherited = self._inherited.get(name, ())
        if not inherited or any(step.waits for step in inherited):
            return None, None
        return None, inherited[-1].then


def _ancestors(
    values: Mapping[str, Any], provider: str, library: Relatives | None, problems: Problems
) -> list[Scenario] | None:
    """What the scenario extends, nearest first; None when that cannot be said, which is reported if it is this file's
    fault.
    """
    if "extends" not in values:
        return []
    name, first = values.get("name"), values["extends"]
    if library is None or not isinstance(first, str):
        return None
    found: list[Scenario] = []
    trail: list[Any] = [name]
    following: str | None = first
    while following is not None:
        if following in trail:
            if following == name:  # a circle further up is the fault of those files
                said = " -> ".join(map(str, [*trail, following]))
                problems.at(("extends",), f"a scenario cannot extend itself: {short(said)}")
            return None
        parent = library.parent(provider, following)
        if parent is None:
            if following == first:
                names = [known for known in library.names(provider) if known != name]
                problems.at(
                    ("extends",), f"there is no scenario {short(first)} to extend; {choose(first, names, names)[0]}"
                )
            return None
        found.append(parent)
        trail.append(following)
        following = parent.extends
    return found


def _links(flow: str, index: int, step: Mapping[str, Any]) -> Iterator[_Link]:
    path: Place = ("flows", flow, index)
    places = [
        *((key,) for key in ("then", "right", "wrong", "silent")),
        *(("oauth", key) for key in (*OUTCOMES.values(), "silent")),
    ]
    places += [("answers", key) for key in mapping(step.get("answers"))]
    for place in places:
        target = step.get(place[0]) if len(place) == 1 else mapping(step.get(place[0])).get(place[1])
        if isinstance(target, str) and target:
            yield _Link((*path, *place), target)


def _waits(step: Mapping[str, Any]) -> bool:
    if "challenges" in step or "oauth" in step:
        return True
    try:
        return "after" in step and any(parse_after(str(step["after"])))
    except ValueError:
        return True

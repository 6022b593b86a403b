"""What a scenario file must say beyond its shape: words that the provider knows, flows that exist and are reached, play
that waits.

The checks read plain values that may be misshapen: what the schema has reported already is passed over in silence.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mocksrv.engine.clock import parse_duration
from mocksrv.engine.problems import choose, short
from mocksrv.engine.scenarios.model import Relatives, Scenario, Step
from mocksrv.engine.scenarios.vocabulary import Vocabulary, event_problem, fault_problem
from mocksrv.engine.yamlschema import Place, Problems

ENDINGS = ("challenges", "oauth", "then", "delete")
ASKING = frozenset({"challenges", "wait", "right", "wrong", "silent", "answers"})  # without the first: said already
CHOICES = frozenset({"OPTIONS", "IMAGE_OPTIONS"})

MAX_IMAGE_BYTES = 500_000
_IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
_POLLS = re.compile(r"([1-9][0-9]{0,3}) polls?")
_PLAIN_NAME = re.compile(r"\w[\w.-]*")


def parse_after(text: str) -> tuple[int, int]:
    """What ``after`` says: milliseconds and status reads, one of them 0. Raises ValueError."""
    polls = _POLLS.fullmatch(text)
    return (0, int(polls[1])) if polls else (parse_duration(text), 0)


def image_uri(image: str, file: str) -> str:
    """The data URI of a picture: one already, or a file below the scenario file's folder. Raises ValueError."""
    if image.startswith("data:"):
        if re.match(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/]", image):
            return image
        raise ValueError("is not a data URI of a picture: write data:image/png;base64,…")
    scenario = Path(file)
    kind = _IMAGES.get(Path(image).suffix.lower())
    if kind is None:
        raise ValueError(f"is not a picture; allowed: {', '.join(_IMAGES)}, or a data URI")
    try:
        if not scenario.is_file():
            raise ValueError("needs a scenario file that it can lie beside; here only a data URI is possible")
        folder = scenario.parent.resolve()
        path = (folder / image).resolve()
        if not path.is_relative_to(folder) or not path.is_file():
            raise ValueError("is not a file beside the scenario")
        with path.open("rb") as stream:
            data = stream.read(MAX_IMAGE_BYTES + 1)
    except OSError:
        raise ValueError("cannot be read") from None
    if len(data) > MAX_IMAGE_BYTES:
        raise ValueError(f"is too big: at most {MAX_IMAGE_BYTES:,} bytes")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def check(
    values: Any,
    problems: Problems,
    *,
    file: str,
    vocabularies: Mapping[str, Vocabulary],
    library: Relatives | None,
    loose: frozenset[str],
) -> None:
    """Reports what is wrong with a scenario's values. ``loose`` are texts in misshapen places, which may have been
    meant as flows.
    """
    if not isinstance(values, dict):
        return
    provider = values.get("provider")
    vocabulary = vocabulary_of(values, vocabularies)
    if isinstance(provider, str) and vocabulary is None:
        problems.at(
            ("provider",), f"unknown provider {short(provider)}; {choose(provider, vocabularies, vocabularies)[0]}"
        )
    flows = _flows(values)
    for name, steps in flows.items():
        _check_endings(name, steps, problems)
        for index, step in steps:
            if problems.full:
                return
            _check_step(("flows", name, index), step, problems, file, vocabulary)
            _check_fault(("flows", name, index), step, problems, vocabularies)
    if vocabulary is not None:
        _Links(values, flows, vocabulary, library, problems).check(loose)


def vocabulary_of(values: Any, vocabularies: Mapping[str, Vocabulary]) -> Vocabulary | None:
    """The words of the provider that a scenario's values name, if they name one."""
    provider = values.get("provider") if isinstance(values, dict) else None
    return vocabularies.get(provider) if isinstance(provider, str) else None


def steps(values: Any) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every step of a scenario's values that has the shape of one, and its place."""
    for name, found in _flows(values).items() if isinstance(values, dict) else ():
        for index, step in found:
            yield ("flows", name, index), step


def _flows(values: Mapping[str, Any]) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    flows = values.get("flows")
    if not isinstance(flows, dict):
        return {}
    return {
        name: [(index, step) for index, step in enumerate(steps) if isinstance(step, dict)]
        for name, steps in flows.items()
        if isinstance(steps, list)
    }


def _check_endings(flow: str, steps: list[tuple[int, dict[str, Any]]], problems: Problems) -> None:
    ended = None
    for index, step in steps:
        path: Place = ("flows", flow, index)
        if ended is not None:
            problems.at(path, f"this step is never played: '{ended}' in the step before ends the flow")
            return
        endings = [key for key in step if key in ENDINGS]
        if len(endings) > 1:
            said = " and ".join(map(repr, endings))
            problems.at(
                (*path, endings[1]), f"a step has at most one of {', '.join(ENDINGS)}; this one has {said}", key=True
            )
        ended = endings[0] if endings else None


def _check_step(
    path: Place, step: dict[str, Any], problems: Problems, file: str, vocabulary: Vocabulary | None
) -> None:
    _check_durations(path, step, problems)
    challenges = step.get("challenges")
    for index, challenge in enumerate(challenges if isinstance(challenges, list) else ()):
        if isinstance(challenge, dict):
            _check_challenge((*path, "challenges", index), challenge, problems, file, vocabulary)
    if vocabulary is None:
        return
    _check_word((*path, "status"), "status", step.get("status"), vocabulary.statuses, problems)
    if isinstance(step.get("event"), str) and (wrong := event_problem(step["event"], [vocabulary])):
        problems.at((*path, "event"), wrong)
    if vocabulary.asking is not None and step.get("status") == vocabulary.asking and not step.keys() & ASKING:
        problems.at((*path, "status"), f"the status {vocabulary.asking} needs 'challenges': nobody could answer it")
    if "data" in step:
        _check_word((*path, "data"), "data profile", step["data"], vocabulary.profiles(), problems)
    if isinstance(step.get("set"), dict) and not problems.full:
        vocabulary.field_schema().check(step["set"], problems, (*path, "set"))


def _check_fault(path: Place, step: dict[str, Any], problems: Problems, vocabularies: Mapping[str, Vocabulary]) -> None:
    on = _mapping(step.get("fault")).get("on")
    if isinstance(on, str) and "/" in on and (wrong := fault_problem(on, vocabularies.values())):
        problems.at((*path, "fault", "on"), wrong)


def _check_word(path: Place, kind: str, word: Any, allowed: frozenset[str], problems: Problems) -> None:
    if isinstance(word, str) and word not in allowed and not problems.full:
        problems.at(path, f"unknown {kind} {short(word)}; {choose(word, allowed, allowed)[0]}")


def _check_durations(path: Place, step: dict[str, Any], problems: Problems) -> None:
    """What the schema's pattern lets through and is no duration all the same: one of more than ten years."""
    places = [("wait",), ("oauth", "wait"), ("webhooks", "delay"), ("fault", "delay")]
    found = [((*path, "after"), step.get("after"), parse_after)]
    found += [
        ((*path, *place), _mapping(step.get(place[0])).get(place[-1]) if place[1:] else step.get("wait"), _wait)
        for place in places
    ]
    for where, text, parse in found:
        if isinstance(text, str):
            try:
                parse(text)
            except ValueError as error:
                problems.at(where, str(error))


def _wait(text: str) -> tuple[int, int]:
    return parse_duration(text), 0


def _check_challenge(
    path: Place, challenge: dict[str, Any], problems: Problems, file: str, vocabulary: Vocabulary | None
) -> None:
    kind, options = challenge.get("type"), challenge.get("options")
    if kind not in ("TEXT", "TOKEN", "IMAGE_DATA", *CHOICES):
        return
    if kind in CHOICES and "options" not in challenge:
        problems.at(path, f"a challenge of type {kind} needs 'options'")
    if kind not in CHOICES and "options" in challenge:
        problems.at(
            (*path, "options"),
            f"'options' belongs to challenges of type OPTIONS and IMAGE_OPTIONS, not {kind}",
            key=True,
        )
    elif isinstance(options, str) and vocabulary is not None:
        _check_word((*path, "options"), "option list", options, vocabulary.options, problems)
    elif isinstance(options, list):
        _check_options(path, kind, options, challenge.get("answer"), problems, file)
    if kind != "IMAGE_DATA" and "image" in challenge:
        problems.at((*path, "image"), f"'image' belongs to challenges of type IMAGE_DATA, not {kind}", key=True)
    else:
        _check_image((*path, "image"), challenge.get("image"), problems, file)


def _check_options(path: Place, kind: str, options: list[Any], answer: Any, problems: Problems, file: str) -> None:
    known: list[str] = []
    for index, option in enumerate(options):
        if isinstance(option, str):
            known.append(option)
            continue
        known += [text for key, text in _mapping(option).items() if key in ("label", "value") and isinstance(text, str)]
        place = (*path, "options", index, "image")
        if kind != "IMAGE_OPTIONS" and "image" in _mapping(option):
            problems.at(place, f"an option's 'image' belongs to challenges of type IMAGE_OPTIONS, not {kind}", key=True)
        else:
            _check_image(place, _mapping(option).get("image"), problems, file)
    several = isinstance(answer, list)
    for index, text in enumerate(answer if isinstance(answer, list) else [answer]):
        if isinstance(text, str) and text != "any" and text not in known and known:
            place = (*path, "answer", index) if several else (*path, "answer")
            problems.at(
                place, f"the answer {short(text)} is none of the options; {choose(text, known, [*known, 'any'])[0]}"
            )


def _check_image(path: Place, image: Any, problems: Problems, file: str) -> None:
    if isinstance(image, str) and image:
        try:
            image_uri(image, file)
        except ValueError as error:
            problems.at(path, f"the image {short(image)} {error}")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class _Link:
    """A reference to a flow, at a place in this file."""

    place: Place
    target: str


class _Links:
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
        *(("oauth", key) for key in ("approved", "denied", "silent")),
    ]
    places += [("answers", key) for key in _mapping(step.get("answers"))]
    for place in places:
        target = step.get(place[0]) if len(place) == 1 else _mapping(step.get(place[0])).get(place[1])
        if isinstance(target, str) and target:
            yield _Link((*path, *place), target)


def _waits(step: Mapping[str, Any]) -> bool:
    if "challenges" in step or "oauth" in step:
        return True
    try:
        return "after" in step and any(parse_after(str(step["after"])))
    except ValueError:
        return True

"""What a scenario file must say beyond its shape: words that the provider knows, flows that exist and are reached, play
that waits.

The checks read plain values that may be misshapen: what the schema has reported already is passed over in silence.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mocksrv.engine.clock import duration_text, parse_duration
from mocksrv.engine.problems import choose, short
from mocksrv.engine.scenarios.links import Links
from mocksrv.engine.scenarios.model import Relatives
from mocksrv.engine.scenarios.steps import LONGEST_HELD, parse_after
from mocksrv.engine.scenarios.vocabulary import Vocabulary, event_problem, fault_problem
from mocksrv.engine.yamlschema import Place, Problems, mapping

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
        status = None  # the last one of the flow
        for index, step in steps:
            if problems.full:
                return
            _check_step(("flows", name, index), step, problems, file, vocabulary)
            status = step["status"] if isinstance(step.get("status"), str) else status
            if vocabulary is not None:
                _check_agreement(("flows", name, index), step, status, problems, vocabulary)
            _check_fault(("flows", name, index), step, problems, vocabularies)
    if vocabulary is not None:
        Links(values, flows, vocabulary, library, problems).check(loose)


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


def _check_agreement(
    path: Place, step: dict[str, Any], status: str | None, problems: Problems, vocabulary: Vocabulary
) -> None:
    """What is ``set`` agrees with the status, a ``payload`` with its event. ``status``: the last one of the flow."""
    fields, event, payload = mapping(step.get("set")), step.get("event"), mapping(step.get("payload"))
    if status in vocabulary.statuses and not vocabulary.field_schema().faults(fields):
        for name, wrong in vocabulary.disagreements(status, fields).items():
            problems.at((*path, "set", name), f"{name}: {wrong}")
    if payload and isinstance(event, str) and event in vocabulary.events and not problems.full:
        wrong_field = vocabulary.payload_problem(event, payload)
        if wrong_field is not None:
            problems.at((*path, "payload"), wrong_field, key=True)


def _check_fault(path: Place, step: dict[str, Any], problems: Problems, vocabularies: Mapping[str, Vocabulary]) -> None:
    on = mapping(step.get("fault")).get("on")
    if isinstance(on, str) and "/" in on and (wrong := fault_problem(on, vocabularies.values())):
        problems.at((*path, "fault", "on"), wrong)


def _check_word(path: Place, kind: str, word: Any, allowed: frozenset[str], problems: Problems) -> None:
    if isinstance(word, str) and word not in allowed and not problems.full:
        problems.at(path, f"unknown {kind} {short(word)}; {choose(word, allowed, allowed)[0]}")


def _check_durations(path: Place, step: dict[str, Any], problems: Problems) -> None:
    """What the schema's pattern lets through and is no duration all the same: one of more than ten years."""
    places = [("wait",), ("oauth", "wait"), ("webhooks", "delay")]
    found = [((*path, "after"), step.get("after"), parse_after)]
    found += [
        ((*path, *place), mapping(step.get(place[0])).get(place[-1]) if place[1:] else step.get("wait"), _wait)
        for place in places
    ]
    found.append(((*path, "fault", "delay"), mapping(step.get("fault")).get("delay"), _held))
    for where, text, parse in found:
        if isinstance(text, str):
            try:
                parse(text)
            except ValueError as error:
                problems.at(where, str(error))


def _held(text: str) -> tuple[int, int]:
    held = parse_duration(text)
    if held > LONGEST_HELD:
        raise ValueError(f"{text!r} is too long: an answer is held for {duration_text(LONGEST_HELD)} at most")
    return held, 0


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
        known += [text for key, text in mapping(option).items() if key in ("label", "value") and isinstance(text, str)]
        place = (*path, "options", index, "image")
        if kind != "IMAGE_OPTIONS" and "image" in mapping(option):
            problems.at(place, f"an option's 'image' belongs to challenges of type IMAGE_OPTIONS, not {kind}", key=True)
        else:
            _check_image(place, mapping(option).get("image"), problems, file)
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

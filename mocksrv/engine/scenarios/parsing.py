"""The scenario language: one YAML file -> a ``Scenario``, or every fault in it.

``schema.json`` is the source of what is allowed; it and ``rules`` check, this module reads.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mocksrv.engine.clock import parse_duration
from mocksrv.engine.problems import YamlError
from mocksrv.engine.scenarios import rules as scenario_rules
from mocksrv.engine.scenarios.model import (
    ANSWER_WAIT_MS,
    OUTCOMES,
    Ask,
    Challenge,
    Consent,
    Login,
    Option,
    Relatives,
    Scenario,
    Step,
)
from mocksrv.engine.scenarios.steps import covers, parse_after
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.yamlnodes import YamlDocument, read, repeated, texts
from mocksrv.engine.yamlschema import FileSchema, Problems

SCHEMA = FileSchema(Path(__file__).with_name("schema.json"))


def parse(
    text: bytes | str,
    *,
    file: str,
    vocabularies: Mapping[str, Vocabulary],
    library: Relatives | None = None,
    check: bool = True,
) -> Scenario:
    """The scenario of a YAML text. Raises YamlError with every fault in it.

    ``file`` is the name for messages, and the place that pictures and data profiles lie beside. Without a ``library``,
    what the scenario extends is not looked up, so what depends on it is not checked. ``check=False`` is for the
    package's own files, whose correctness is tested: it saves the time of checking, but a fault in them may then raise
    anything.
    """
    document = read(text, file)
    values = SCHEMA.values(document.root)
    _type_fields(values, document, vocabularies)
    if check:
        _check(document, values, file, vocabularies, library)
    return _Reader(file, document).scenario(values)


def _type_fields(values: Any, document: YamlDocument, vocabularies: Mapping[str, Vocabulary]) -> None:
    """Reads what steps ``set`` as the provider's fields want it: text stays as written, ``no`` is no boolean."""
    vocabulary = scenario_rules.vocabulary_of(values, vocabularies)
    fields = vocabulary.field_schema() if vocabulary else None
    for path, step in scenario_rules.steps(values):
        node = document.root.find((*path, "set")) if fields and isinstance(step.get("set"), dict) else None
        if fields and node:
            step["set"] = fields.values(node)


def _check(
    document: YamlDocument, values: Any, file: str, vocabularies: Mapping[str, Vocabulary], library: Relatives | None
) -> None:
    problems = Problems(file, document.root, document.problems)
    places = SCHEMA.check(values, problems)
    misshapen = [document.root.find(place[:3]) for place in places if place[:1] == ("flows",) and len(place) > 1]
    loose = frozenset(text for node in [*misshapen, *repeated(document.root)] for text in texts(node))
    scenario_rules.check(values, problems, file=file, vocabularies=vocabularies, library=library, loose=loose)
    if found := problems.sorted():
        raise YamlError(found)


class _Reader:
    """Turns checked values into the model."""

    def __init__(self, file: str, document: YamlDocument) -> None:
        self._file = file
        self._document = document

    def scenario(self, values: Mapping[str, Any]) -> Scenario:
        return Scenario(
            name=values["name"],
            provider=values["provider"],
            summary=values.get("summary", ""),
            logins=tuple(self._login(index, login) for index, login in enumerate(values.get("logins", ()))),
            extends=values.get("extends"),
            flows=self._flows(values.get("flows", {})),
            file=self._file,
            text=self._document.text,
            counting=values["counting"] == "on" if "counting" in values else None,
        )

    def _login(self, index: int, values: Mapping[str, str]) -> Login:
        node = self._document.root.find(("logins", index))
        return Login(**values, line=node.line, column=node.column)

    def _flows(self, flows: Mapping[str, Any]) -> dict[str, tuple[Step, ...]]:
        nodes = self._document.root.find(("flows",))
        lines = {name: [node.line for node in nodes.find((name,)).items or ()] for name in flows}
        return {
            name: tuple(self._step(name, index, step, lines[name][index]) for index, step in enumerate(steps))
            for name, steps in flows.items()
        }

    def _step(self, flow: str, index: int, values: Mapping[str, Any], line: int) -> Step:
        held: dict[str, Any] = {}
        for key, reader in READING.items():
            if reader is not None and key in values:
                held.update(reader(self, values))
        return Step(flow=flow, index=index, file=self._file, line=line, **held)

    def ask(self, step: Mapping[str, Any]) -> Ask:
        return Ask(
            challenges=tuple(self._challenge(challenge) for challenge in step["challenges"]),
            wait_ms=parse_duration(step["wait"]) if "wait" in step else ANSWER_WAIT_MS,
            right=step.get("right"),
            wrong=step.get("wrong"),
            silent=step.get("silent"),
            answers=step.get("answers", {}),
        )

    def _challenge(self, values: Mapping[str, Any]) -> Challenge:
        answer, options = values.get("answer", "any"), values.get("options")
        answers = (answer,) if isinstance(answer, str) else tuple(answer)
        return Challenge(
            type=values["type"],
            label=values["label"],
            answer=None if "any" in answers else answers,
            options=tuple(map(self._option, options)) if isinstance(options, list) else options,
            image=self._image(values),
            field_name=values.get("field_name"),
        )

    def _option(self, values: str | Mapping[str, Any]) -> Option:
        if isinstance(values, str):
            return Option(values, values)
        return Option(values["label"], values.get("value", values["label"]), self._image(values))

    def _image(self, values: Mapping[str, Any]) -> str | None:
        return scenario_rules.image_uri(values["image"], self._file) if "image" in values else None


def _read_after(_: _Reader, step: Mapping[str, Any]) -> dict[str, Any]:
    after_ms, after_polls = parse_after(step["after"])
    return {"after_ms": after_ms, "after_polls": after_polls}


def _read_webhooks(_: _Reader, step: Mapping[str, Any]) -> dict[str, Any]:
    said = step["webhooks"]
    return {"webhooks": {"off": True} if said == "off" else _with_delay(said)}


def _as_written(key: str) -> Reading:
    return lambda _, step: {key: step[key]}


Reading = Callable[[_Reader, Mapping[str, Any]], dict[str, Any]]
# key of a step -> what makes the fields of `Step` of it; None: read with another key
READING: Mapping[str, Reading | None] = {
    "after": _read_after,
    "fault": lambda _, step: {"fault": _with_delay(step["fault"])},
    "webhooks": _read_webhooks,
    "challenges": lambda reader, step: {"ask": reader.ask(step)},
    **dict.fromkeys(("wait", "right", "wrong", "silent", "answers"), None),
    "oauth": lambda _, step: {"oauth": _consent(step["oauth"])},
    **{key: _as_written(key) for key in ("status", "set", "data", "event", "payload", "then", "delete")},
}


def _with_delay(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same mapping, its ``delay`` as ``delay_ms``."""
    result = {key: int(value) if isinstance(value, float) else value for key, value in values.items() if key != "delay"}
    return result | {"delay_ms": parse_duration(values["delay"])} if "delay" in values else result


def _consent(values: Mapping[str, Any]) -> Consent:
    return Consent(
        wait_ms=parse_duration(values["wait"]) if "wait" in values else None,
        **{key: values.get(key) for key in (*OUTCOMES.values(), "silent")},
        auto=values.get("auto"),
    )


def schema(vocabularies: Mapping[str, Vocabulary]) -> dict[str, Any]:
    """The JSON Schema of the language, with the words of the given providers: what editors complete from."""
    result: dict[str, Any] = copy.deepcopy(SCHEMA.rules)
    result["properties"]["provider"]["enum"] = sorted(vocabularies)
    result["allOf"] = [_words(vocabulary) for _, vocabulary in sorted(vocabularies.items())]
    return result


def _words(vocabulary: Vocabulary) -> dict[str, Any]:
    step = {
        "properties": {
            "status": {"enum": sorted(vocabulary.statuses)},
            "event": {"enum": sorted(vocabulary.events)},
            "data": {"examples": sorted(vocabulary.profiles())},
            "set": {"properties": dict(vocabulary.fields), "additionalProperties": False},
        }
    }
    calls: dict[str, Any] = {
        name: {"description": "A call of the API plays this flow."} for name in sorted(vocabulary.flows)
    }
    flows = {"properties": calls, "allOf": [{"additionalProperties": {"items": step}}]}
    return {
        "if": {"required": ["provider"], "properties": {"provider": {"const": vocabulary.provider}}},
        "then": {"properties": {"flows": flows}},
    }


def template(name: str, vocabulary: Vocabulary) -> str:
    """A commented file to start from: a valid scenario of that name."""
    asks = (
        vocabulary.statuses >= {"CREATED", "CHALLENGED", "RESUMED", "CONNECTED", "REJECTED", "EXPIRED"}
        and "connect" in vocabulary.flows
    )
    return _TEMPLATE.format(
        name=name,
        provider=vocabulary.provider,
        happy=vocabulary.happy,
        flows=", ".join(sorted(vocabulary.flows)),
        statuses=", ".join(sorted(vocabulary.statuses)),
        script=_ASKING if asks else "",
    )


_TEMPLATE = """\
# A scenario: what happens to a subject, step by step. Check it with: mocksrv scenarios validate {name}.yaml
# See it played with:                                    mocksrv scenarios simulate {name}

name: {name}
provider: {provider}
summary: What happens here, in one line.

# Flows that are not written here are taken from this scenario.
extends: {happy}

# Logins that choose this scenario by themselves; keys that are left out match anything.
# logins:
#   - {{institution: mock_{name}, username: tester, password: secret}}

# Flows that calls play: {flows}.
# Any other name is free: it is reached by then, right, wrong, silent, answers, or an outcome of oauth.
# Statuses: {statuses}.
{script}
# More of what a step may say:
#   after: 3 polls                          waits until the status has been read three times (or 250ms, 1h, 2d)
#   set: {{field: value}}                     further fields of the subject
#   data: everyday                          where accounts and transactions come from
#   event: NAME                             sends a webhook; payload: {{field: value}} goes over its fields
#   webhooks: {{delay: 5s, repeat: 2}}        what happens to this step's callbacks: also drop, shuffle, stale,
#                                           corrupt: truncated | wrong-type | unknown-field | null-field,
#                                           wrong_credentials, wrong_content_type; or off
#   fault: {{on: "GET /path/*", status: 503, times: 2}}
#                                           the API misbehaves from here on; also delay: 1s, drop: true
#   oauth: {{wait: 1h, approved: FLOW, denied: FLOW, silent: FLOW}}
#   delete: true                            the subject is deleted
"""

_ASKING = """\
flows:
  connect:
    - status: CREATED
    - {after: 1s, then: ask}        # 'after' waits in the sandbox's time, 'then' goes on in another flow

  ask:
    - status: CHALLENGED
      challenges:                   # types: TEXT, OPTIONS, IMAGE_DATA, IMAGE_OPTIONS, TOKEN
        - {type: TEXT, label: "What city were you born in?", answer: correct}
      wait: 10m                     # how long the answer may take
      right: accepted
      wrong: rejected
      silent: expired

  accepted:
    - status: RESUMED
    - {after: 1s, status: CONNECTED}

  rejected:
    - status: RESUMED
    - {after: 1s, status: REJECTED}

  expired:
    - status: EXPIRED
"""

covers(READING, f"{__name__}.READING")
covers(SCHEMA.rules["$defs"]["step"]["properties"], "scenarios/schema.json")

"""A scenario as a state diagram: its flows with their states and ways on, and the same in Mermaid's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from mocksrv.engine.clock import duration_text
from mocksrv.engine.scenarios.model import OUTCOMES, Scenario, Step
from mocksrv.engine.scenarios.steps import covers

Flows = Mapping[str, tuple[Step, ...]]

_PLAIN = str.maketrans({'"': "'", "#": " ", ";": ",", "\n": " ", "{": "(", "}": ")"})
_UNWRITTEN = {"ask": ("right", "wrong", "silent"), "oauth": (*OUTCOMES.values(), "silent")}


class FlowLookup(Protocol):
    """What the diagram asks of the library."""

    def flows(self, scenario: Scenario) -> Flows:
        """All flows that the scenario and what it extends write."""

    def calls(self, provider: str) -> frozenset[str]:
        """The flows of a provider that calls play."""

    def default_flows(self, provider: str) -> Flows:
        """What flows do that no scenario writes."""


class State(NamedTuple):
    """A step as a state. ``step`` counts from 0, ``wait`` is what passes before it (empty: nothing), ``captions`` say
    what it does, the status first.
    """

    step: int
    wait: str
    captions: Sequence[str]


class Way(NamedTuple):
    """What leads on from the last state of a flow: the word for it, and the flow (None: here it ends)."""

    said: str
    target: str | None


class DrawnFlow(NamedTuple):
    """A flow of a diagram; ``begins``: it does not only follow from others."""

    name: str
    begins: bool
    states: Sequence[State]
    ways: Sequence[Way]


def drawn_flows(scenario: Scenario, library: FlowLookup, also: Iterable[str] = ()) -> list[DrawnFlow]:
    """What the diagram of a scenario shows: the flows that it and what it extends write, those of the provider's
    defaults to which a written one leads, and ``also`` these.
    """
    written = library.flows(scenario)
    calls = library.calls(scenario.provider)
    roots = [*(name for name in written if name in calls or name in scenario.flows), *also]
    flows = _reached(roots, {**library.default_flows(scenario.provider), **written})
    led_to = {
        target for name, steps in flows.items() for step in steps for _, target in step.targets() if target != name
    }
    return [
        DrawnFlow(
            name,
            name not in led_to or (name in written and name in calls),
            [State(step.index, _wait(step), _captions(step)) for step in _shown(steps)],
            _ways(steps, flows),
        )
        for name, steps in flows.items()
    ]


def mermaid(scenario: Scenario, library: FlowLookup) -> str:
    """The diagram as a ``stateDiagram-v2``: a state for each step, an arrow for each way on. Flows that begin do so at
    the black dot.
    """
    flows = {flow.name: flow for flow in drawn_flows(scenario, library)}
    names = _identifiers(flows)
    lines = ["stateDiagram-v2"]
    for name, flow in flows.items():
        ids = [f"{names[name]}_{state.step + 1}" for state in flow.states]
        if flow.begins:
            lines.append(_arrow("[*]", ids[0], _joined(name, flow.states[0].wait)))
        for id, state in zip(ids, flow.states, strict=True):
            lines.append(f'state "{_plain(" / ".join(state.captions))}" as {id}')
        lines += [
            _arrow(source, id, state.wait) for (source, id), state in zip(pairwise(ids), flow.states[1:], strict=True)
        ]
        for said, target in flow.ways:
            to = "[*]" if target is None else f"{names[target]}_1"
            lines.append(_arrow(ids[-1], to, said if target is None else _joined(said, flows[target].states[0].wait)))
    return "\n    ".join(lines) + "\n"


def _reached(roots: Sequence[str], everything: Flows) -> dict[str, tuple[Step, ...]]:
    """Some flows, and those that they lead to."""
    flows: dict[str, tuple[Step, ...]] = {}
    waiting = list(roots)[::-1]
    while waiting:
        name = waiting.pop()
        if name in everything and name not in flows:
            flows[name] = everything[name]
            waiting += [target for step in reversed(everything[name]) for _, target in reversed(step.targets())]
    return flows


def _shown(steps: tuple[Step, ...]) -> list[Step]:
    """The steps that are states: a last one that only leads on is an arrow, unless it is the whole flow."""
    return [step for step in steps if step.index == 0 or not _only_leads_on(step)]


def _only_leads_on(step: Step) -> bool:
    return step.then is not None and not (step.status or step.set or step.data or step.fault or step.event)


def _ways(steps: tuple[Step, ...], flows: Flows) -> list[Way]:
    last, shown = steps[-1], _shown(steps)
    wait = _wait(last) if last is not shown[-1] else ""
    targets = last.targets()
    ways = [_way(last, word, target, wait, flows) for word, target in targets]
    unwritten = _UNWRITTEN["ask"] if last.ask else _UNWRITTEN["oauth"] if last.oauth else ()
    ways += [Way(_said(last, word), None) for word in unwritten if word not in dict(targets)]
    if last.delete:
        return [*ways, Way("deleted", None)]
    return ways or [Way("", None)]


def _way(step: Step, word: str, target: str, wait: str, flows: Flows) -> Way:
    said = wait if word == "then" else _said(step, word)
    return Way(said, target) if target in flows else Way(_joined(said or "then", target), None)


def _said(step: Step, word: str) -> str:
    waited = step.ask.wait_ms if step.ask else step.oauth.wait_ms if step.oauth else None
    return f"{word} after {duration_text(waited)}" if word == "silent" and waited is not None else word


def _arrow(source: str, target: str, said: str) -> str:
    return f"{source} --> {target} : {_plain(said)}" if said else f"{source} --> {target}"


def _identifiers(flows: Iterable[str]) -> dict[str, str]:
    """A word for each flow that Mermaid takes as part of an identifier."""
    names: dict[str, str] = {}
    for flow in flows:
        word = re.sub(r"\W", "_", flow, flags=re.ASCII)
        names[flow] = f"{word}_{len(names)}" if word in names.values() else word
    return names


def _joined(*words: str) -> str:
    return " ".join(filter(None, words))


def _wait(step: Step) -> str:
    if step.after_polls:
        return f"after {step.after_polls} polls"
    return f"after {duration_text(step.after_ms)}" if step.after_ms else ""


def _captions(step: Step) -> list[str]:
    """What a step does, for people."""
    captions = [part for caption in CAPTIONS.values() if caption for part in caption(step) if part]
    return captions or [step.flow]


def _webhooks(step: Step) -> list[str]:
    return ["webhooks " + " ".join(step.webhooks).replace("_ms", "")] if step.webhooks else []


def _questions(step: Step) -> list[str]:
    return [f"{challenge.type} {challenge.label}" for challenge in step.ask.challenges] if step.ask else []


def _bank_page(step: Step) -> list[str]:
    if step.oauth is None:
        return []
    return ["waits for the bank page" + (f" ({step.oauth.auto})" if step.oauth.auto else "")]


# key of a step -> what its state says of it, in this order; None: said by the arrows, or with another key
CAPTIONS: Mapping[str, Callable[[Step], list[str]] | None] = {
    "after": None,
    "status": lambda step: [step.status or ""],
    "set": lambda step: [f"set {name}" for name in step.set],
    "data": lambda step: [f"data {step.data}"] if step.data else [],
    "fault": lambda step: [f"fault on {step.fault['on']}"] if step.fault else [],
    "event": lambda step: [f"sends {step.event}"] if step.event else [],
    "payload": None,
    "webhooks": _webhooks,
    "challenges": _questions,
    **dict.fromkeys(("wait", "right", "wrong", "silent", "answers"), None),
    "oauth": _bank_page,
    "delete": None,
    "then": None,
}


def _plain(text: str) -> str:
    """Text without what Mermaid would read as its own."""
    return text.translate(_PLAIN)


covers(CAPTIONS, f"{__name__}.CAPTIONS")

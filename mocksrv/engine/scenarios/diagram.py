"""A scenario as a state diagram, in Mermaid's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

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


def diagram(scenario: Scenario, library: FlowLookup) -> str:
    """The ``stateDiagram-v2`` of a scenario with what it extends: a state for each step, an arrow for each way on.

    Flows that calls play, and those that no other flow leads to, start at the black dot. Flows of the
    provider's defaults show where a written flow leads there.
    """
    written = library.flows(scenario)
    calls = library.calls(scenario.provider)
    roots = [name for name in written if name in calls or name in scenario.flows]
    flows = _reached(roots, {**library.default_flows(scenario.provider), **written})
    led_to = {
        target for name, steps in flows.items() for step in steps for _, target in step.targets() if target != name
    }
    names = _identifiers(flows)
    lines = ["stateDiagram-v2"]
    for name, steps in flows.items():
        if name not in led_to or (name in written and name in calls):
            lines.append(
                f"    [*] --> {_id(names[name], 0)} : {_plain(' '.join(filter(None, [name, _wait(steps[0])])))}"
            )
        for step in _shown(steps):
            lines.append(f'    state "{_caption(step)}" as {_id(names[name], step.index)}')
        lines += [f"    {arrow}" for arrow in _arrows(steps, flows, names)]
    return "\n".join(lines) + "\n"


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


def _arrows(steps: tuple[Step, ...], flows: Flows, names: Mapping[str, str]) -> Iterator[str]:
    name, shown = names[steps[0].flow], _shown(steps)
    for step, following in pairwise(shown):
        yield _arrow(_id(name, step.index), _id(name, following.index), _wait(following))
    last, source = steps[-1], _id(name, shown[-1].index)
    first_wait = _wait(last) if last is not shown[-1] else ""
    ways: list[tuple[str, str | None]] = list(last.targets())
    unwritten = _UNWRITTEN["ask"] if last.ask else _UNWRITTEN["oauth"] if last.oauth else ()
    ways += [(word, None) for word in unwritten if word not in dict(last.targets())]
    for word, target in ways:
        said = first_wait if word == "then" else _way(last, word)
        if target is None or target not in flows:
            yield _arrow(source, "[*]", f"{said or 'then'} {target or ''}".strip())
        else:
            entered = _wait(flows[target][0])
            yield _arrow(source, _id(names[target], 0), " ".join(filter(None, [said, entered])))
    if last.delete:
        yield _arrow(source, "[*]", "deleted")
    elif not ways:
        yield _arrow(source, "[*]", "")


def _way(step: Step, word: str) -> str:
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


def _id(flow: str, step: int) -> str:
    return f"{flow}_{step + 1}"


def _wait(step: Step) -> str:
    if step.after_polls:
        return f"after {step.after_polls} polls"
    return f"after {duration_text(step.after_ms)}" if step.after_ms else ""


def _caption(step: Step) -> str:
    """What a step does, for people."""
    parts = [part for caption in CAPTIONS.values() if caption for part in caption(step)]
    return _plain(" / ".join(filter(None, parts)) or step.flow)


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

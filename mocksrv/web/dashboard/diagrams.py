"""State diagrams of scenarios as pictures: what stands where, for `diagram.html`, which draws it.

Flows are boxes, in columns by how many flows lead there at least; their states stand below each other. A way on to the
next column is drawn. One that leads back, or within a column, names its flow instead: so no line crosses a box.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mocksrv.engine.play import Place
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.diagram import DrawnFlow, State, drawn_flows
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.storage.records import Record

# pixels
WIDTH, GAP, BELOW = 176, 48, 20  # of a flow, between two columns, between two flows
MARGIN = 32  # around all
INSET = 8  # of states in their flow, and of texts in their box
LINE = 15  # a line of text
HEADER = 24  # the name of a flow
LETTER, CAPITAL = 6.4, 8.2  # about the widths of letters at 12 px


class Box(NamedTuple):
    """``kind`` is its class: flow, state, or lit for the present state."""

    kind: str
    x: float
    y: float
    width: float
    height: float


class Text(NamedTuple):
    """``kind`` are its classes: name, status or caption (with on-lit in the present state), wait, way, to. It begins at
    ``x``, or ``ends`` there.
    """

    kind: str
    x: float
    y: float
    text: str
    ends: bool = False


class Dot(NamedTuple):
    """Where a flow begins (start) or ends (end)."""

    kind: str
    x: float
    y: float


@dataclass(slots=True)
class Drawing:
    """A picture; ``description`` says for screen readers what it shows. ``lines`` are paths of SVG."""

    title: str
    description: str = ""
    width: float = 0
    height: float = 0
    boxes: list[Box] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class Exit(NamedTuple):
    """A way on that is to be drawn to another flow."""

    target: str
    x: float
    y: float


def drawing_of(sandbox: Sandbox, scenario: Scenario) -> Drawing:
    """A scenario that a sandbox sees."""
    return _draw(scenario, drawn_flows(scenario, sandbox.scenarios), None)


def drawing_with(sandbox: Sandbox, subject: Record) -> Drawing | None:
    """The scenario that a subject plays, with its present state lit; None where it is there no more."""
    play = subject.playing
    try:
        scenario = sandbox.scenarios.get(play.provider, play.started_in or play.scenario)
    except UnknownScenario:
        return None
    at = play.at
    steps = (sandbox.scenarios.flow(scenario, at.flow) or ())[at.step : at.step + 1] if at else ()
    if at is None or [(step.file, step.line) for step in steps] != [(at.file, at.line)]:
        at = None  # pushed by hand, or moved here: the script has not got anywhere
    return _draw(scenario, drawn_flows(scenario, sandbox.scenarios, [at.flow] if at else []), at)


def _draw(scenario: Scenario, flows: Sequence[DrawnFlow], at: Place | None) -> Drawing:
    drawing = Drawing(f"State diagram of {scenario.name}")
    flows = sorted(flows, key=lambda flow: len(flow.ways))  # ways to the small ones, which are most, stay short
    depths = _depths(flows)
    entries: dict[str, tuple[float, float]] = {}
    exits: list[Exit] = []
    for depth in range(max(depths.values()) + 1):
        x, y = MARGIN + depth * (WIDTH + GAP), float(MARGIN)
        for flow in (each for each in flows if depths[each.name] == depth):
            y = max(y, min((each.y for each in exits if each.target == flow.name), default=y) - HEADER / 2)
            entries[flow.name] = (x, y + HEADER / 2)
            y, found = _draw_flow(drawing, flow, x, y, depths, _lit(flow, at))
            exits += found
            drawing.height = max(drawing.height, y + MARGIN)
            y += BELOW
        drawing.width = x + WIDTH + MARGIN
    drawing.lines += [_curve(each.x, each.y, *entries[each.target]) for each in exits]
    drawing.description = " ".join(_described(flows, at))
    return drawing


def _depths(flows: Sequence[DrawnFlow]) -> Mapping[str, int]:
    """How many flows lead to each at least; 0 for one that begins. In the order of the flows."""
    ways = {flow.name: [way.target for way in flow.ways if way.target] for flow in flows}
    depths = {flow.name: 0 for flow in flows if flow.begins} or {flows[0].name: 0}
    waiting = list(depths)
    while waiting:
        name = waiting.pop(0)
        for target in ways[name]:
            if target not in depths:
                depths[target] = depths[name] + 1
                waiting.append(target)
    return {flow.name: depths[flow.name] for flow in flows}


def _lit(flow: DrawnFlow, at: Place | None) -> State | None:
    """The present state, if it is of this flow."""
    passed = [state for state in flow.states if at is not None and at.flow == flow.name and state.step <= at.step]
    return passed[-1] if passed else None


def _draw_flow(
    drawing: Drawing, flow: DrawnFlow, x: float, top: float, depths: Mapping[str, int], lit: State | None
) -> tuple[float, list[Exit]]:
    """Draws a flow; where it ends, and the ways that lead on from it to the next column."""
    place = len(drawing.boxes)
    drawing.texts.append(Text("name", x + INSET, top + 16, flow.name))
    if flow.begins:
        drawing.dots.append(Dot("start", x - 24, top + HEADER / 2))
        drawing.lines.append(f"M{x - 19} {top + HEADER / 2}H{x}")
    y = top + HEADER
    for state in flow.states:
        y = _draw_state(drawing, state, x, y, first=state is flow.states[0], lit=state is lit)
    y, exits = _draw_ways(drawing, flow, x, y, depths)
    drawing.boxes.insert(place, Box("flow", x, top, WIDTH, y + INSET - top))
    return y + INSET, exits


def _draw_state(drawing: Drawing, state: State, x: float, y: float, *, first: bool, lit: bool) -> float:
    if state.wait or not first:
        drawing.texts.append(Text("wait", x + 2 * INSET, y + 12, f"↓ {state.wait}"))
        y += LINE + 3
    lines = [
        (("status" if place == 0 else "caption") + " on-lit" * lit, line)
        for place, caption in enumerate(state.captions)
        for line in wrapped(caption, WIDTH - 4 * INSET)
    ]
    height = len(lines) * LINE + INSET
    drawing.boxes.append(Box("lit" if lit else "state", x + INSET, y, WIDTH - 2 * INSET, height))
    for number, (kind, line) in enumerate(lines):
        drawing.texts.append(Text(kind, x + 2 * INSET, y + 15 + number * LINE, line))
    return y + height


def _draw_ways(
    drawing: Drawing, flow: DrawnFlow, x: float, y: float, depths: Mapping[str, int]
) -> tuple[float, list[Exit]]:
    exits, end = [], x + WIDTH
    for target, words in _by_target(flow, depths).items():
        drawn = target is not None and depths[target] > depths[flow.name]
        said = [("way", line) for line in wrapped(", ".join(words), WIDTH - 3 * INSET)] if any(words) else []
        if target is not None and not drawn:
            said += [("to", line) for line in wrapped(f"→ {target}", WIDTH - 3 * INSET)]
        if target is None and not any(words):
            said = [("way", "end")]
        middle = y + (len(said) * LINE + 4) / 2 if said else y - LINE
        for number, (kind, line) in enumerate(said):
            drawing.texts.append(
                Text(kind, end - (2 if target is None else 1) * INSET, y + 15 + number * LINE, line, ends=True)
            )
        y += len(said) * LINE + (4 if said else 0)
        if target is None:
            drawing.dots.append(Dot("end", end, middle))
        elif drawn:
            exits.append(Exit(target, end, middle))
    return y, exits


def _by_target(flow: DrawnFlow, depths: Mapping[str, int]) -> Mapping[str | None, Sequence[str]]:
    """The words that lead to each flow: first to those that are drawn beside it, in their order."""
    words: dict[str | None, list[str]] = {}
    for way in flow.ways:
        words.setdefault(way.target, []).append(way.said)
    drawn = [name for name, depth in depths.items() if name in words and depth > depths[flow.name]]
    return {target: words[target] for target in (*drawn, *(each for each in words if each not in drawn))}


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"


def wrapped(text: str, width: float) -> Iterator[str]:
    """A text in lines of at most so many pixels, broken between words where they are not too long."""
    line = ""
    for word in text.split():
        while _width(word) > width:
            fitting = next(place for place in range(len(word), 0, -1) if _width(word[:place]) <= width)
            if line:
                yield line
            yield word[:fitting]
            line, word = "", word[fitting:]
        longer = f"{line} {word}".strip()
        if _width(longer) > width:
            yield line
            longer = word
        line = longer
    if line:
        yield line


def _width(text: str) -> float:
    return sum(CAPITAL if letter.isupper() or letter == "_" else LETTER for letter in text)


def _described(flows: Sequence[DrawnFlow], at: Place | None) -> Iterator[str]:
    for flow in flows:
        states = ", then ".join(" ".join(filter(None, (each.wait, " ".join(each.captions)))) for each in flow.states)
        ways = "; ".join(f"{way.said or 'then'}: {way.target or 'the end'}" for way in flow.ways)
        yield f"{flow.name}: {states}. {ways}."
        lit = _lit(flow, at)
        if lit is not None:
            yield f"The present state is {lit.captions[0]} of {flow.name}."

"""The sandbox line at the bottom of a page: which scenario plays, which clock, and what leads on from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mocksrv.engine.clock import iso
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World

MOST_MOMENTS = 12  # of the timeline


@dataclass(frozen=True, slots=True)
class Hint:
    """What leads on: a sentence, and the values that a click puts into the fields of these names."""

    text: str
    fill: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SandboxLine:
    """What the line and its drawer say.

    ``clock`` is the mode, ``now`` its time; ``stands``: it stands still, so that nothing happens by itself;
    ``advance``: the control call that moves it, None where the client may not use it.
    ``happened``: (time, text) of what the engine did, newest first.
    """

    sandbox: str
    scenario: str | None
    clock: str
    now: str
    stands: bool
    hints: Sequence[Hint] = ()
    happened: Sequence[tuple[str, str]] = ()
    advance: str | None = None


def sandbox_line(
    sandbox: Sandbox,
    world: World,
    subject: Record | None,
    hints: Sequence[Hint] = (),
    advance: str | None = None,
) -> SandboxLine:
    """The line of a page about a subject, or about none yet."""
    timeline = world.tx.timeline(sandbox.name, subject.guid)[-MOST_MOMENTS:] if subject is not None else []
    happened = [(iso(row.at)[11:19], " · ".join(filter(None, (row.status, row.cause)))) for row in reversed(timeline)]
    return SandboxLine(
        sandbox=sandbox.name,
        scenario=subject.playing.scenario if subject is not None and subject.play is not None else None,
        clock=sandbox.clock.word,
        now=iso(sandbox.now())[11:19],
        stands=sandbox.clock.mode == "manual",
        hints=hints,
        happened=happened,
        advance=advance,
    )

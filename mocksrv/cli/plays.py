"""Which play a scenario needs: one for each provider."""

from __future__ import annotations

from collections.abc import Mapping

import click

from mocksrv.cli.play import Choices, Play, Stage
from mocksrv.cli.play_mono import MonoPlay
from mocksrv.engine.scenario import Scenario

PLAYS: Mapping[str, type[Play]] = {"mx": Play, "mono": MonoPlay}


def play_of(stage: Stage, scenario: Scenario, choices: Choices) -> Play:
    """The play of a scenario on a stage. Raises a click error for a provider that has none."""
    kind = PLAYS.get(scenario.provider)
    if kind is None:
        raise click.ClickException(f"{scenario.name} cannot be played here: it is a scenario of {scenario.provider}")
    return kind(stage, scenario, choices)

"""Plays one subject of a scenario from its beginning to its rest: what `demo` does over HTTP and `simulate` without a
server.

One module for each provider, behind the protocol of `play`.
"""

from __future__ import annotations

from collections.abc import Mapping

from mocksrv.cli.playing.finicity import FinicityPlay
from mocksrv.cli.playing.mono import MonoPlay
from mocksrv.cli.playing.mx import MXPlay
from mocksrv.cli.playing.play import Choices, Play, Stage

PLAYS: Mapping[str, type[Play]] = {"mx": MXPlay, "mono": MonoPlay, "finicity": FinicityPlay}

__all__ = ["PLAYS", "Choices", "Play", "Stage"]

"""A whole server put together from its settings: engine, wings, application."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask

from mocksrv.engine.engine import Engine, Options
from mocksrv.providers.finicity.provider import FinicityWing
from mocksrv.providers.mono.provider import MonoWing
from mocksrv.providers.mx.provider import MXWing
from mocksrv.providers.provider import Wing, WingOptions
from mocksrv.web.app import create_app
from mocksrv.web.options import WebOptions


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that `mocksrv serve` can be told about the world it serves."""

    engine: Options = field(default_factory=Options)
    wing: WingOptions = field(default_factory=WingOptions)
    web: WebOptions = field(default_factory=WebOptions)


def bundled_scenarios() -> Path:
    """The folder of the bundled scenarios: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def wings(options: WingOptions) -> list[Wing]:
    """One of each provider."""
    return [MXWing(options), MonoWing(options), FinicityWing(options)]


def build_engine(options: Options, providers: list[Wing]) -> Engine:
    """An engine for these wings."""
    return Engine(options, {wing.name: wing.cast for wing in providers}, bundled_scenarios())


def build(setup: Setup) -> tuple[Engine, Flask]:
    """The engine, not started yet, and the application of a server."""
    providers = wings(setup.wing)
    engine = build_engine(setup.engine, providers)
    return engine, create_app(engine, providers, setup.web)

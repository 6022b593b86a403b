"""A whole server put together: engine, providers, application."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.registry import make_providers
from mocksrv.web.app import create_app


def bundled_scenarios() -> Path:
    """The folder of the bundled scenarios: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def build(config: Config) -> tuple[Engine, Flask]:
    """The engine, not started yet, and the application of a server."""
    providers = make_providers(config)
    engine = Engine(config, [provider.role for provider in providers], bundled_scenarios())
    return engine, create_app(engine, providers, config)

"""The values of options and arguments that are known, for a shell's Tab key: each function is a click
``shell_complete``. None of them says what is wrong: a shell shows no errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from mocksrv.registry import PROVIDERS
from mocksrv.settings import FILES, Setting, choices, folder

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PATIENCE = 0.5  # seconds that a server is given to name its sandboxes
Complete = Callable[[click.Context, click.Parameter, str], Any]


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in sorted(set(words)) if word.startswith(incomplete)]


def of(*words: str) -> Complete:
    """These words."""
    return lambda _, __, incomplete: _beginning(incomplete, words)


def providers(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The names of providers."""
    return _beginning(incomplete, PROVIDERS)


def bundled(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The names of the bundled scenarios."""
    from mocksrv.server import bundled_scenarios

    return _beginning(incomplete, (path.stem for path in bundled_scenarios().glob("*/*.yaml")))


def scenarios(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of scenarios: the bundled ones, and the user's as far as their files can be read."""
    from mocksrv.cli.library import own_folders
    from mocksrv.engine.scenarios.files import UserFile, scenario_files

    try:
        folders = own_folders(tuple(ctx.params.get("own") or ctx.params.get("scenarios") or ()))
    except click.UsageError:
        folders = ()
    own = [UserFile(path).load().key for each in folders for path in scenario_files(each)]
    return _beginning(incomplete, [*bundled(ctx, parameter, incomplete), *(key[1] for key in own if key is not None)])


def events(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The names of events."""
    from mocksrv.engine.config import Config
    from mocksrv.registry import make_providers

    every = [event for provider in make_providers(Config()) for event in provider.role.vocabulary.events]
    return _beginning(incomplete, every)


def sandboxes(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of a server's sandboxes; none where it does not answer at once."""
    from mocksrv.cli.client import DEFAULT_URL
    from mocksrv.client import Client, ControlError, Unreachable

    server = Client(ctx.params.get("url") or DEFAULT_URL, None, ctx.params.get("token"), time_out=PATIENCE)
    try:
        found = server.get("/sandboxes", name=f"{incomplete}*", limit=1000)["sandboxes"]
    except (ControlError, Unreachable):
        return []
    return _beginning(incomplete, found)


def of_setting(setting: Setting) -> Complete | None:
    """What completes a setting's values; None: nothing does."""
    if setting.name == "scenario":
        return scenarios
    if words := choices(setting):
        return of(*words)
    kind = "dir" if setting.read is folder else "file" if setting.read in FILES else None
    return None if kind is None else lambda _, __, incomplete: [_path(incomplete, kind)]


def _path(incomplete: str, kind: str) -> CompletionItem:
    """The shell knows its files."""
    from click.shell_completion import CompletionItem

    return CompletionItem(incomplete, type=kind)

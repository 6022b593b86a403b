"""The scenario library without a server: the bundled scenarios, the user's folders, and single files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from mocksrv.cli.settings import folders
from mocksrv.engine.config import Config
from mocksrv.engine.problems import Problem
from mocksrv.engine.role import Role
from mocksrv.engine.scenarios.files import UserFile
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.lookup import FaultyScenario, UnknownScenario
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.yamlnodes import SUFFIXES
from mocksrv.registry import make_providers
from mocksrv.server import bundled_scenarios
from mocksrv.settings import SettingError


@dataclass(frozen=True)
class LocalLibrary:
    """A library, with the folders of the user's that it reads."""

    library: Library
    roles: dict[str, Role]
    folders: tuple[Path, ...]

    def profile_problems(self) -> list[Problem]:
        """The faults of the data profiles in these folders."""
        return [fault for role in self.roles.values() for fault in role.vocabulary.profile_problems()]

    def find(self, name: str) -> Scenario:
        """The scenario of a name. Raises a click error."""
        try:
            return self.library.find(name)
        except FaultyScenario as error:
            click.echo("\n".join(map(str, error.problems)), err=True)
            raise click.exceptions.Exit(1) from None
        except UnknownScenario as error:
            hint = "" if error.near else "; 'mocksrv scenarios list' shows them all"
            raise click.ClickException(f"{error}{hint}") from None


def open_library(own: Sequence[Path], *, read: bool = True) -> LocalLibrary:
    """The library with these folders of the user's; without ``read`` only data profiles are taken from them."""
    roles = {provider.name: provider.role for provider in make_providers(Config(scenarios=tuple(own)))}
    words = {name: role.vocabulary for name, role in roles.items()}
    library = Library(
        bundled_scenarios(), own if read else (), words, lambda provider: roles[provider].default_flows.flows
    )
    return LocalLibrary(library, roles, tuple(own))


def own_folders(options: tuple[str, ...]) -> tuple[Path, ...]:
    """The user's folders: the options, else MOCKSRV_SCENARIOS, else mocksrv.yaml. Raises a click error."""
    try:
        return folders(options, os.environ, Path.cwd())
    except SettingError as error:
        raise click.UsageError(str(error)) from None


def take(given: str, own: Sequence[Path]) -> tuple[LocalLibrary, Scenario]:
    """The scenario that an argument means, with its library: a name, or a file (its suffix may be left out).

    Prints the faults of a file. Raises a click error.
    """
    local = open_library(own)
    names = [(provider, name) for provider in local.roles for name in local.library.names(provider)]
    path = _file(given, known=[name for _, name in names] + ["/".join(key) for key in names])
    if path is None:
        return local, local.find(given)
    local = open_library((path.parent, *own))
    key = UserFile(path).load().key
    problems = local.library.check([path])
    if problems or key is None:
        click.echo("\n".join(map(str, problems)) or f"{path}:1:1: this is no scenario", err=True)
        raise click.exceptions.Exit(1)
    return local, local.find("/".join(key))


def _file(given: str, known: Sequence[str]) -> Path | None:
    """The file that an argument names; None when it is the name of a scenario."""
    path = Path(given)
    if path.suffix in SUFFIXES:
        if not path.is_file():
            raise click.ClickException(f"there is no file {given}")
        return path
    beside = Path(f"{given}.yaml")
    return beside if given not in known and beside.is_file() else None

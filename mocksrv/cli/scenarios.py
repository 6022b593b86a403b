"""``mocksrv scenarios``: the library, without a server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mocksrv.cli import words
from mocksrv.engine.scenarios.model import OUTCOMES
from mocksrv.registry import DEFAULT, nouns

Command = TypeVar("Command", bound=Callable[..., Any])
FOLDERS = click.option(
    "--scenarios", "own", metavar="DIR", multiple=True, help="Folder with scenarios of your own. Repeatable."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def of_provider(use: str) -> Callable[[Command], Command]:
    """The option `--provider` of a command that writes something of one provider's."""
    return click.option("--provider", default=DEFAULT, show_default=True, help=use, shell_complete=words.providers)


@click.group(invoke_without_command=True)
@click.pass_context
def scenarios(ctx: click.Context) -> None:
    """List, show, check and try out scenarios. Needs no server."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@scenarios.command("list")
@FOLDERS
@JSON
def list_(own: tuple[str, ...], as_json: bool) -> None:
    """List all scenarios: the bundled ones and your own."""
    from mocksrv.cli.library import open_library, own_folders
    from mocksrv.cli.output import print_table

    local = open_library(own_folders(own))
    found = [local.library.get(provider, name) for provider in local.roles for name in local.library.names(provider)]
    for problem in local.library.problems:
        click.echo(str(problem), err=True)
    if as_json:
        from mocksrv.web.control import shapes

        problems = [problem._asdict() for problem in local.library.problems]
        document = {"scenarios": [shapes.scenario(each) for each in found], "problems": problems}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print_table(("NAME", "PROVIDER", "SUMMARY"), [(each.name, each.provider, each.summary) for each in found])


@scenarios.command()
@click.argument("name", shell_complete=words.scenarios)
@FOLDERS
@JSON
def show(name: str, own: tuple[str, ...], as_json: bool) -> None:
    """Print a scenario's script and its state diagram (Mermaid). NAME may be a file."""
    from mocksrv.cli.library import own_folders, take
    from mocksrv.engine.scenarios.diagram import mermaid

    local, scenario = take(name, own_folders(own))
    if as_json:
        from mocksrv.web.control import shapes

        click.echo(json.dumps({**shapes.scenario(scenario), "text": scenario.text}, indent=2, ensure_ascii=False))
        return
    click.echo(scenario.text.rstrip("\n"))
    click.echo(f"\n# As a state diagram (Mermaid):\n\n{mermaid(scenario, local.library).rstrip()}")


@scenarios.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@JSON
def validate(files: tuple[Path, ...], as_json: bool) -> int:
    """Check scenario files and print every fault of all of them: file, line, column, what is wrong, what is allowed."""
    from mocksrv.cli.library import open_library
    from mocksrv.engine.scenarios.files import PROFILE

    wanted = [path for file in files for path in _yaml_files(file)]
    local = open_library(tuple(dict.fromkeys(path.parent for path in wanted)), read=False)
    scenario_files = [path for path in wanted if not path.name.endswith(PROFILE)]
    profiles = {str(path) for path in wanted if path.name.endswith(PROFILE)}
    problems = local.library.check(scenario_files) + [
        fault for fault in local.profile_problems() if fault.file in profiles
    ]
    if as_json:
        faults = [{"file": p.file, "line": p.line, "column": p.column, "message": p.message} for p in problems]
        click.echo(json.dumps({"valid": not problems, "problems": faults}, indent=2, ensure_ascii=False))
    else:
        click.echo(
            "\n".join(map(str, problems)) or f"OK: {len(wanted)} file{'' if len(wanted) == 1 else 's'}, no faults"
        )
    return 1 if problems else 0


def _yaml_files(path: Path) -> list[Path]:
    """A file, or the YAML files of a folder. Raises a click error."""
    if path.is_dir():
        from mocksrv.engine.yamlnodes import yaml_files

        return list(yaml_files(path))
    if not path.exists():
        raise click.ClickException(f"there is no file {path}")
    return [path]


@scenarios.command()
@click.argument("kind", type=click.Choice(["scenario", "profile", "institution", "settings"]), default="scenario")
def schema(kind: str) -> None:
    """Print the JSON Schema of scenarios, data profiles, institutions or mocksrv.yaml (settings), with which editors
    complete and check them.
    """
    if kind == "settings":
        from mocksrv.cli.settings_schema import file_schema

        click.echo(json.dumps(file_schema(), indent=2, ensure_ascii=False))
        return
    if kind != "scenario":
        from mocksrv.engine.scenarios import institutions
        from mocksrv.providers.profiles import reading

        rules = {"profile": reading.SCHEMA, "institution": institutions.SCHEMA}[kind].rules
        click.echo(json.dumps(rules, indent=2, ensure_ascii=False))
        return
    from mocksrv.cli.library import open_library
    from mocksrv.engine.scenarios.parsing import schema as schema_of

    words = {name: role.vocabulary for name, role in open_library(()).roles.items()}
    click.echo(json.dumps(schema_of(words), indent=2, ensure_ascii=False))


@scenarios.command()
@click.argument("name")
@of_provider("Whose subjects play it.")
def new(name: str, provider: str) -> None:
    """Write NAME.yaml, a commented scenario to start from, into the current folder."""
    from mocksrv.cli.library import open_library
    from mocksrv.engine.scenarios.parsing import template

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", name):
        raise click.UsageError(f"{name!r} is not a scenario name; allowed are letters, digits and '-'")
    local = open_library(())
    if provider not in local.roles:
        raise click.UsageError(f"{provider!r} is not a provider; there is {', '.join(local.roles)}")
    if name in local.library.names(provider):
        raise click.UsageError(
            f"{name!r} is the name of a bundled scenario; take another one and write 'extends: {name}' in it"
        )
    path = Path(f"{name}.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template(name, local.roles[provider].vocabulary))
    except FileExistsError:
        raise click.ClickException(f"{path} exists already; nothing was written") from None
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    click.echo(f"Wrote {path}. See it played: mocksrv scenarios simulate {name}")


SIMULATE = f"""Play a scenario without a server and print its timeline: time, status, flags, callbacks.

NAME may be a file. A new {nouns()} is made, and the scenario's own flows are played one after the other. Polls count a
second each. Where two providers have a scenario of that name, PROVIDER/NAME says which.
"""


@scenarios.command(help=SIMULATE)
@click.argument("name", shell_complete=words.scenarios)
@click.option(
    "--answer",
    "answers",
    metavar="TEXT",
    multiple=True,
    help=(
        "Answer to the next round of questions; '' gives none, 'a|b' answers two. Repeatable; without it the right "
        "ones are given."
    ),
)
@click.option(
    "--oauth",
    type=click.Choice(list(OUTCOMES)),
    help="What the user does at the bank's page; makes an OAuth member.",
)
@click.option(
    "--for",
    "duration",
    metavar="DURATION",
    help="How much time to play (10m, 2d). [default: until it rests, at most 2d]",
)
@FOLDERS
@JSON
def simulate(
    name: str, answers: tuple[str, ...], oauth: str | None, duration: str | None, own: tuple[str, ...], as_json: bool
) -> None:
    from mocksrv.cli.library import own_folders, take
    from mocksrv.cli.simulate import print_simulation, simulation
    from mocksrv.engine.clock import parse_duration

    try:
        span = parse_duration(duration) if duration is not None else None
    except ValueError as error:
        raise click.UsageError(f"--for: {error}") from None
    local, scenario = take(name, own_folders(own))
    played: dict[str, Any] = simulation(local.folders, scenario, answers=answers, oauth=oauth, span=span)
    if as_json:
        click.echo(json.dumps(played, indent=2, ensure_ascii=False))
    else:
        print_simulation(played, scenario)

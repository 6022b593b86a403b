"""What the help of commands says of providers is what these declare."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from mocksrv.cli import main
from mocksrv.cli.exec import variables
from mocksrv.registry import all_declared, nouns


@pytest.mark.parametrize("command", [["demo"], ["scenarios", "simulate"]])
def test_the_help_names_what_plays_each_providers_scenarios(command: list[str]) -> None:
    said = " ".join(CliRunner().invoke(main, [*command, "--help"]).output.split())
    assert f" new {nouns()}" in said


def test_the_tools_help_names_every_provider() -> None:
    said = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert [each.title for each in all_declared() if each.title not in said] == []
    assert "on your own machine." in said


@pytest.mark.parametrize("command", ["exec", "wait"])
def test_the_help_names_the_variables_that_say_where_a_server_is(command: str) -> None:
    said = " ".join(CliRunner().invoke(main, [command, "--help"]).output.split())
    assert [name for name in variables("", "") if name not in said] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("simulate", "Did you mean 'scenarios simulate'?"),
        ("advance", "Did you mean 'clock advance'?"),
        ("scenaros", "Did you mean 'scenarios'?"),
        ("subject", "Did you mean 'subjects'?"),
        ("nonsense", "See 'mocksrv --help'."),
    ],
)
def test_a_command_that_is_none(capsys: pytest.CaptureFixture[str], asked: str, said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([asked])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f": No such command '{asked}'. {said}\n")


SAY_NOTHING_ELSE = {"wait", "open", "mcp", "state export"}  # their output is not for programs, or JSON as it is


def commands(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """All commands that do something, by their whole names."""
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{name}{each} ")
        else:
            yield f"{name}{each}", command


def test_what_talks_to_a_server_prints_json_for_programs() -> None:
    takes = {name: {option.name for option in command.params} for name, command in commands(main)}
    mute = {name for name, options in takes.items() if "url" in options and "as_json" not in options}
    assert mute == SAY_NOTHING_ELSE


@pytest.mark.parametrize("group", ["clock", "subjects", "webhooks", "faults"])
def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str], group: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([group])
    shown = capsys.readouterr()
    assert ended.value.code == 2
    assert "\nCommands:\n" in shown.err


def test_a_fault_without_a_method(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["faults", "add", "/users", "--set", "status=500"])
    assert "write 'GET /users', or '* /users' for any" in capsys.readouterr().err


def test_a_command_in_a_program_leaves_its_garbage_to_the_collector() -> None:
    before = gc.get_freeze_count()
    CliRunner().invoke(main, ["clock", "--help"])
    assert gc.get_freeze_count() <= before
    assert gc.isenabled()

"""What the help of commands says of providers is what these declare."""

from __future__ import annotations

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

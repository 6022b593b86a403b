"""docs/agents.md cannot lie: what it tells agents to run are commands with options that there are."""

from __future__ import annotations

import json
import re
import shlex
import tomllib

import click
import pytest

from mocksrv.cli import main
from tests.cli.running import ROOT

PAGE = (ROOT / "docs" / "agents.md").read_text("utf-8")


def commands() -> list[list[str]]:
    """Every command line of the page that starts mocksrv, also those in an agent's settings."""
    json_blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
    toml_blocks = [tomllib.loads(block) for block in re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
    settings = [
        server for block in (*json_blocks, *toml_blocks) for servers in block.values() for server in servers.values()
    ]
    typed = [shlex.split(line) for line in re.findall(r"`(mocksrv (?:mcp|exec)[^`]*)`", PAGE)]
    added = [
        shlex.split(line)[shlex.split(line).index("--") + 1 :]
        for line in re.findall(r"^    (claude .*)$", PAGE, re.MULTILINE)
    ]
    return [*([each["command"], *each["args"]] for each in settings), *typed, *added]


def parsed(words: list[str]) -> click.Context:
    name, *arguments = words[1:]
    parent = click.Context(main, **main.context_settings)
    command = main.get_command(parent, name)
    assert command, words
    return command.make_context(name, arguments, parent=parent)


@pytest.mark.parametrize("words", commands(), ids=shlex.join)
def test_a_command_is_one_that_there_is(words: list[str]) -> None:
    context = parsed(words)
    inner = context.params.get("command")
    if inner:
        parsed(list(inner))


def test_each_way_is_there() -> None:
    assert len(commands()) >= 6

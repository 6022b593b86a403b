"""docs/cli.md is what ``--help`` of each command prints.

``python -m tests.cli.test_cli_doc`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from mocksrv.cli import main

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
WIDTH = 110  # columns
HEAD = """# The command line

What `--help` of each command prints. Written anew by `python -m tests.cli.test_cli_doc`, compared by a test. What
`serve` takes can also be a variable (`MOCKSRV_PORT` for `--port`) or a key of `mocksrv.yaml`, in that order; commands
that talk to a running server take `--json` for programs, with the shapes of the [control API](control-api.md), and end
with another status than 0 and one line on standard error when something is wrong.
"""


def commands(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    """The contexts of a command and of all below it, in the order in which help lists them."""
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, made(found, name, context))


def made(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    return command.context_class(command, parent, name, **settings)


def text() -> str:
    parts = [HEAD]
    for context in commands(main, made(main, "mocksrv")):
        parts.append(f"## {context.command_path}\n\n```text\n{context.command.get_help(context)}\n```\n")
    return "\n".join(parts)


def test_the_document_is_what_help_says() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == text(), "python -m tests.cli.test_cli_doc writes it anew"


if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")

"""The command line: ``mocksrv COMMAND``. One module per command group, imported when its command is asked for."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import click

from mocksrv import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "serve": "Start the server.",
    "exec": "Run a command with a server of its own.",
    "wait": "Wait until a server answers, and say where it is.",
    "open": "Open a running server in a browser.",
    "demo": "Watch a scenario play: calls, statuses and callbacks as they happen. Needs no server.",
    "scenarios": "List, show, check and try out scenarios. Needs no server.",
    "institutions": "List your own institutions and begin a new one. Needs no server.",
    "subjects": "List, push, move and act for what plays scenarios on a running server.",
    "bindings": "Show and set which scenarios new ones play.",
    "clock": "Show, set and advance the time of a running server.",
    "requests": "List and explain the API calls that a running server has answered.",
    "violations": "List what broke the providers' contracts.",
    "report": "Report what an app has met of the providers, and what it broke.",
    "webhooks": "List, show and send again the callbacks of a running server.",
    "trigger": "Send an event of a catalogue, with fields of your own.",
    "endpoints": "List, add and remove the webhook endpoints of a running server.",
    "faults": "List, add and clear faults of its API and of its callbacks.",
    "sandboxes": "List and drop the sandboxes of a running server.",
    "state": "Empty, export, import and copy a sandbox of a running server.",
    "db": "Check and upgrade the database of a server. Needs no server.",
    "check-consumer": "Play a provider against your webhook endpoint, and report how it does. Needs no server.",
    "listen": "Receive webhooks and print them. Needs no server.",
    "completion": "Print what completes commands in bash, zsh or fish.",
    "mcp": "Offer a running server to coding agents (Model Context Protocol).",
}

HOMES = {
    "exec": "exec:exec_",
    "open": "wait:open_",
    "trigger": "webhooks",
    "faults": "endpoints",
    "violations": "requests",
    "sandboxes": "bindings",
    "check-consumer": "check_consumer",
}  # the module, or module and name, of a command for which they are not its own


class CommandLine(click.Group):
    """A group whose commands live in modules of their own, and whose errors are one line each."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = HOMES.get(cmd_name, cmd_name).partition(":")
        gc.disable()  # nothing that an import makes is garbage
        command: click.Command = getattr(import_module(f"mocksrv.cli.{module}"), name or cmd_name.replace("-", "_"))
        gc.enable()
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands without importing them, and the options."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=what) for name, what in COMMANDS.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises click.UsageError for an unknown command, with the nearest: of the commands, and of those in groups."""
        asked = args[0]
        if asked not in COMMANDS and not asked.startswith("-"):
            ctx.fail(f"No such command {asked!r}.{self._meant(ctx, asked)}")
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, asked: str) -> str:
        from mocksrv.engine.problems import near

        within = [
            f"{name} {asked}"
            for name in COMMANDS
            if isinstance(group := self.get_command(ctx, name), click.Group) and asked in group.commands
        ]
        found = within or [name for name in [near(asked, COMMANDS)] if name]
        return f" Did you mean {' or '.join(map(repr, found))}?" if found else " See 'mocksrv --help'."

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names the providers, which are imported when help is asked for."""
        from mocksrv.registry import all_declared

        *titles, last = (provider.title for provider in all_declared())
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(cleandoc(self.help or "").format(providers=f"{', '.join(titles)} and {last}"))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs a command. Errors go to stderr as one line; the exit status is 2 for a wrong call, else 1."""
        if not options.pop("standalone_mode", True):
            return super().main(*args, standalone_mode=False, **options)  # type: ignore[call-overload]
        try:
            status = super().main(*args, standalone_mode=False, **options)  # type: ignore[call-overload]
        except click.ClickException as error:
            raise SystemExit(_report(error)) from None
        except (click.Abort, KeyboardInterrupt):
            raise SystemExit(130) from None
        except BrokenPipeError:
            sys.stderr.close()  # whoever read the output has seen enough
            raise SystemExit(1) from None
        raise SystemExit(status if isinstance(status, int) else 0)


def _report(error: click.ClickException) -> int:
    """Prints an error, or the help where a group was asked for without a command; the exit status."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return error.exit_code
    command = getattr(getattr(error, "ctx", None), "command_path", "mocksrv")
    click.echo(f"{command}: {' '.join(error.format_message().split())}", err=True)
    return error.exit_code


@click.group(
    "mocksrv",
    cls=CommandLine,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, message="mocksrv %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """A local stand-in for the open-finance providers {providers}: their APIs, states and callbacks, on your
    own machine.

    Every option of `serve` is also a variable (MOCKSRV_PORT for --port) and a key of mocksrv.yaml.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())

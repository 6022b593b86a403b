"""``mocksrv completion``: the words of commands for a shell's Tab key."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_MOCKSRV_COMPLETE"  # by which a shell asks for the words
AT_EVERY_COMMA, AT_THE_FIRST = 'string split ","', 'string split --max 1 ","'  # fish: a description may have commas


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what completes commands and options in a SHELL. Once, in its start-up file:

    \b
    bash, ~/.bashrc:                    eval "$(mocksrv completion bash)"
    zsh, ~/.zshrc:                      eval "$(mocksrv completion zsh)"
    fish, ~/.config/fish/config.fish:   mocksrv completion fish | source
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None, f"click knows no {shell}"
    words = made(ctx.find_root().command, {}, "mocksrv", VARIABLE)
    click.echo((made.source_template % words.source_vars()).replace(AT_EVERY_COMMA, AT_THE_FIRST))

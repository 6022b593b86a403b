"""What people read in a terminal, tables, and in files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

GAP = 3  # columns between two of a table
NARROWEST = 24  # columns in which the last cell of a row can be read
INDENT = "    "  # of what a row goes on with, where it does not fit into one line


def printable(text: str) -> str:
    """A text of somebody else's for a terminal: what would control that is shown as its escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def write_file(path: Path, content: bytes) -> None:
    """Raises ClickException for a file that cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints rows under their heads, in columns as wide as they need; ids stay whole. In a terminal that is too narrow
    for that the last column is wrapped between words, or each row takes several lines, in columns too. Elsewhere a row
    is a line, so that it can be searched.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[printable(cell) for cell in row] for row in rows]
    *left, last = (max(map(cell_len, column)) for column in zip(heads, *cells, strict=True))
    before = sum(left) + GAP * len(left)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else before + last
    words = max((cell_len(word) for row in (heads, *cells) for word in row[-1].split()), default=0)
    if before + max(words, min(last, NARROWEST)) > width:
        _print_stacked(heads, cells, [*left, last], width)
        return
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for position, head in enumerate(heads):
        table.add_column(head, overflow="fold", no_wrap=position < len(left))
    for row in cells:
        table.add_row(*map(Text, row))
    console = Console(width=width, highlight=False)
    with console.capture() as written:
        console.print(table)
    for line in written.get().splitlines():
        print(line.rstrip())


def _print_stacked(heads: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int], width: int) -> None:
    """Prints a table whose rows take several lines: in each as many of the columns as there is room for. No cell is
    cut.
    """
    from rich.cells import set_cell_size

    lines: list[list[int]] = []
    taken = width
    for column, wide in enumerate(widths):
        if taken + GAP + wide > width:
            lines.append([])
            taken = len(INDENT) if column else 0
        taken += wide + (GAP if lines[-1] else 0)
        lines[-1].append(column)
    for number, row in enumerate((heads, *rows)):
        for columns in lines:
            line = (" " * GAP).join(set_cell_size(row[column], widths[column]) for column in columns).rstrip()
            if line:
                shown = line if columns is lines[0] else INDENT + line
                click.echo(shown if number else click.style(shown, bold=True))

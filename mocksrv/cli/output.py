"""What people read in a terminal, tables, and in files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
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
    for that the last column is wrapped, or a row takes several lines. Elsewhere a row is a line, so that it can be
    searched.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[printable(cell) for cell in row] for row in rows]
    *left, last = (max(map(cell_len, column)) for column in zip(heads, *cells, strict=True))
    before = sum(left) + GAP * len(left)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else before + last
    if before + min(last, NARROWEST) > width:
        lines = [line for row in cells for line in _flowed(row, width)]
        print(*_flowed(heads, width), *lines, sep="\n")
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


def _flowed(cells: Iterable[str], width: int) -> Iterator[str]:
    """The cells of a row, as many in a line as there is room for: none is cut."""
    line = ""
    for cell in filter(None, cells):
        if line and len(line) + GAP + len(cell) > width:
            yield line
            line = INDENT + cell
        else:
            line = f"{line}{' ' * GAP}{cell}" if line else cell
    yield line

"""Databases of a given size, made faster than calls could make them."""

from pathlib import Path


def fill(database_path: Path, members: int) -> tuple[str, str]:
    """Makes an SQLite database that `mocksrv serve --database` can open, with that many connected members in the sandbox `default`.

    Returns the guids of a user and of one of their members, whose status is then polled. Raises RuntimeError when it cannot.
    """
    raise RuntimeError(f"no way yet to put {members:,} members into {database_path.name}")

"""What the house plan promises of the files: no circles, and floors that do not know who stands on them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mocksrv

ROOT = Path(mocksrv.__file__).parent
FILES = {path.relative_to(ROOT.parent).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}
PROVIDER = re.compile(r"(?<![a-z])(mx|mono|finicity)(?![a-z])|mxbank", re.IGNORECASE)

# Data of a provider's own bank, which scenarios of every provider may load.
BANKS_OF_PROVIDERS = {"mocksrv/providers/profiles/mxbank.yaml", "mocksrv/providers/profiles/mxbank-oauth.yaml"}


def module_of(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module_of(file): path for file, path in FILES.items()}


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What runs when a module is imported, but for what only a type checker reads."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If) and "TYPE_CHECKING" not in ast.unparse(statement.test):
            yield from statements([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            yield from statements([*statement.body, *statement.orelse, *statement.finalbody])


def imports_of(module: str) -> set[str]:
    """The modules of mocksrv that a module imports while it is imported itself: with each the packages around it, but
    for those that the module itself lies in.
    """
    found: set[str] = set()
    for statement in statements(ast.parse(MODULES[module].read_text("utf-8")).body):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            inner = {f"{statement.module}.{alias.name}" for alias in statement.names}
            found |= {name if name in MODULES else statement.module for name in inner}
    around = {package for name in found for package in packages_of(name) if package not in packages_of(module)}
    return (found | around) & set(MODULES) - {module}


def packages_of(module: str) -> set[str]:
    """The packages around a module: they are imported before it."""
    parts = module.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def test_the_imports_are_found() -> None:
    """The other tests here would pass on an empty graph."""
    assert {"mocksrv.engine.world", "mocksrv.engine.storage.records"} <= imports_of("mocksrv.engine.callbacks.outbox")
    assert "mocksrv.web.control.calls" in imports_of("mocksrv.web.control.sandboxes")  # inside a package, too
    assert "mocksrv.web.control" in imports_of("mocksrv.web.others")  # a package, or one around what is imported
    assert "mocksrv.engine.callbacks.transport" not in imports_of("mocksrv.engine.engine")  # for its types only


def test_no_files_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({module: imports_of(module) for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def floors() -> list[Path]:
    """The files of the engine and of what all providers share: code, comments and data."""
    shared = ROOT / "providers"
    folders = [ROOT / "engine", shared / "profiles", shared / "pages"]
    files = [path for folder in folders for path in folder.rglob("*")] + list(shared.glob("*.py"))
    return sorted(path for path in files if path.is_file() and path.suffix != ".pyc")


def test_the_engine_and_what_providers_share_name_no_provider() -> None:
    named = {}
    for path in floors():
        lines = path.read_text("utf-8").splitlines()
        if found := [number for number, line in enumerate(lines, 1) if PROVIDER.search(line)]:
            named[path.relative_to(ROOT.parent).as_posix()] = found
    assert {name: lines for name, lines in named.items() if name not in BANKS_OF_PROVIDERS} == {}
    assert set(named) == BANKS_OF_PROVIDERS, "a file names no provider any more: take it from the list"

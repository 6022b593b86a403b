"""What docs/architecture.md and CONTRIBUTING.md promise of the files: no circles, floors that do not know who stands on
them, modules and functions that can be read at once, and names that mean one thing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from pathlib import Path

import pytest

import mocksrv

ROOT = Path(mocksrv.__file__).parent
FILES = {path.relative_to(ROOT.parent).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}
PROVIDER = re.compile(r"(?<![a-z])(mx|mono|finicity)(?![a-z])|mxbank", re.IGNORECASE)

# Data of a provider's own bank, which scenarios of every provider may load.
BANKS_OF_PROVIDERS = {"mocksrv/providers/profiles/mxbank.yaml", "mocksrv/providers/profiles/mxbank-oauth.yaml"}

LONGEST_MODULE = 420  # lines
LONGEST_FUNCTION = 40  # lines of its body: a screen

# Names of classes that more than one module has: each has its reason to be called so.
SHARED_NAMES = {
    "Answer": "of the server to a call, of a receiver to a callback, and the base of the schemas of answers",
    "Choice": "of a scenario, and one of a question's on a page",
    "Moment": "a field of schemas: the control API's and MX's",
    "Number": "a field of schemas: the control API's, Finicity's, that of MX's accounts",
    "Operation": "of a provider, and a call as the control API's page shows it",
    "Sandbox": "the engine's, and what a program holds of it",
    "Store": "each database's, and what both are",
    "Text": "a field of schemas, and one of a diagram",
    "Visit": "of a page, and Finicity's",
    "Whole": "a field of schemas: the control API's, and that of MX's accounts",
}


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


def test_modules_are_not_too_long() -> None:
    lengths = {file: len(path.read_text("utf-8").splitlines()) for file, path in FILES.items()}
    assert {file: length for file, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_functions_are_not_too_long() -> None:
    """But for tables: functions that do nothing but return one."""
    long = {}
    for file, path in FILES.items():
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                body = function.body[ast.get_docstring(function) is not None :] or function.body
                length = (function.end_lineno or 0) - body[0].lineno + 1
                if length > LONGEST_FUNCTION and not isinstance(body[0], ast.Return):
                    long[f"{file}: {function.name}"] = length
    assert long == {}


def classes() -> Iterator[tuple[str, str, str]]:
    """Name, provider (or none) and file of the public classes at the top of modules, but for the schemas of the control
    API, which are called as what they show, and for those that are a base of the same name made a provider's.
    """
    for file, path in FILES.items():
        provider = re.match(r"mocksrv/providers/(mx|mono|finicity)/", file)
        for each in ast.parse(path.read_text("utf-8")).body:
            if isinstance(each, ast.ClassDef) and not each.name.startswith("_") and "/control/schemas/" not in file:
                bases = {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in each.bases}
                if each.name not in bases:
                    yield each.name, provider[1] if provider else "", file


def test_a_class_has_a_name_of_its_own() -> None:
    """Providers, which do not know each other, may call theirs alike."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, provider, file in classes():
        found.setdefault(name, []).append((provider, file))
    doubled = {
        name: [file for _, file in places]
        for name, places in found.items()
        if any(first == other or "" in (first, other) for (first, _), (other, _) in combinations(places, 2))
    }
    assert {name: files for name, files in doubled.items() if name not in SHARED_NAMES} == {}
    assert SHARED_NAMES.keys() <= doubled.keys(), "a name means one thing now: take it from the list"

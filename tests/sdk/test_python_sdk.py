"""MX's official Python SDK reads the answer of each of its operations: one test per operation, in `tests/sdk/python`.

What is asserted of every answer is in `tests.sdk.world.look_at`; that a case drives its operation, in
`tests/sdk/python/conftest.py`. The SDK is made of MX's OpenAPI file of v20111101.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mocksrv.providers.mx.http.versions import V1, V2
from tests.providers.mx.http.test_shapes import OPENAPI, operations
from tests.sdk.world import OPERATIONS

# What MX's API has and the SDK has not, and why.
NOT_IN_THE_SDK = {
    "POST /token": "in MX's documents for processors only, not in the OpenAPI file",
    **dict.fromkeys(
        (
            "mergeAccounts",
            "listTransactionsByAccountPerMember",
            "readTransactionByAccount",
            "createSplitTransactionsByAccount",
            "deleteSplitTransactionByAccount",
        ),
        "added by v20250224; there is no Python SDK for it yet",
    ),
}
MODULES: list[ModuleType] = [
    importlib.import_module(f"tests.sdk.python.{file.stem}")
    for file in sorted((Path(__file__).parent / "python").glob("test_*.py"))
]
CASES: dict[str, Callable[..., None]] = {
    name.removeprefix("test_"): case
    for module in MODULES
    for name, case in vars(module).items()
    if name.startswith("test_")
}


def camel(operation: str) -> str:
    """The SDK's name of an operation in the file's spelling, in small letters: the two differ in capitals (``OAuth``,
    ``URI``).
    """
    return operation.replace("_", "").lower()


def test_every_operation_of_the_sdk_has_a_case() -> None:
    assert sorted(CASES) == sorted(OPERATIONS)


def test_every_case_asserts_something() -> None:
    trees = {name: ast.parse(inspect.getsource(case)) for name, case in CASES.items()}
    assert [
        name for name, tree in trees.items() if not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    ] == []


@pytest.mark.skipif(
    not OPENAPI.is_dir(), reason="needs MX's OpenAPI files: v20111101.yml and v20250224.yml in ../shared/openapi"
)
def test_what_the_sdk_lacks_is_known() -> None:
    in_the_sdk = {camel(operation) for operation in OPERATIONS}
    assert {name.lower() for name in operations(V1)} == in_the_sdk
    lacking = {name for name in operations(V2) if name.lower() not in in_the_sdk}
    assert lacking == {name for name in NOT_IN_THE_SDK if "/" not in name}

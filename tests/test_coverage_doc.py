"""docs/coverage.md is what the tests do: computed, never written by hand.

``python -m tests.test_coverage_doc`` writes it anew. The cases of the Python SDK are run for it, in this process.
"""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mocksrv.providers.mx.http.versions import V1, V2
from tests.coverage_scan import refused
from tests.openapi import problems
from tests.providers.mx.http.test_refusals import refusals
from tests.providers.mx.http.test_shapes import ROUTES, SHAPES, official, openapi, operations
from tests.sdk import test_node_sdk, test_python_sdk
from tests.sdk.conftest import Served
from tests.sdk.world import World

DOCUMENT = Path(__file__).parents[1] / "docs" / "coverage.md"
TESTS = Path(__file__).parent / "providers" / "mx"
IN_V2 = {"Accept": "application/json", "Accept-Version": V2}
HEAD = """# What is covered

Every operation of MX's two OpenAPI files, and what the tests do with it. Computed
by `python -m tests.test_coverage_doc`.

* **mounted**: 1 in v20111101, 2 in v20250224.
* **schema**: the answer has been validated: *file* against the whole documented schema in v20111101, *fields* by
  the names
  and types of all fields of its objects in both versions. CI also runs a conformance tool over every operation of
  both files.
* **SDK**: the official Python and Node SDKs (for v20111101) have read the answer.
* **refused**: the errors that tests expect of it, as far as their source says so: what is put together at run time
  is not
  seen.
* **events**: the webhooks that the call itself caused while the SDK drove it; what its jobs send later is not here.
"""


class Coverage:
    """What the cases of the Python SDK show when they are run one after the other."""

    def __init__(self) -> None:
        self.valid: set[str] = set()  # in the file's spelling
        self.events: dict[str, set[str]] = {}
        self.read: set[str] = set()
        self._names = {name.lower(): name for name in operations(V1)}
        with closing(Served()) as served:
            world = World(served.client, served.control, watched=True)
            world.sdk.seen = self._seen
            for case in test_python_sdk.CASES.values():
                case(world)
            for name, events in world.sdk.read.items():
                self.events[self._names[test_python_sdk.camel(name)]] = events
            self.read = set(self.events)
            self._only_in_v2(world)

    def _seen(self, name: str, response: Any) -> None:
        operation = self._names[test_python_sdk.camel(name)]
        if "pdf" in response.getheader("content-type", ""):
            self.valid.add(operation)
            return
        body = json.loads(response.data) if response.data else None
        assert problems(V1, operation, response.status, body) == []
        self.valid.add(operation)

    def _only_in_v2(self, world: World) -> None:
        """The operations that only v20250224 has, called as they are, for their events."""
        made = world.new_manual_transaction(account := world.new_manual_account())
        member = world.control.call("GET", f"/users/{world.user}/accounts/{account}")["account"]["member_guid"]
        path = f"/users/{world.user}/members/{member}/accounts/{account}/transactions"
        parts = {"transactions": [{"amount": 10}, {"amount": 2.34}]}
        merge = {"account": {"account_guids": [account, world.new_manual_account()]}}
        for operation, method, call, body in (
            ("listTransactionsByAccountPerMember", "GET", path, None),
            ("readTransactionByAccount", "GET", f"{path}/{made.guid}", None),
            ("createSplitTransactionsByAccount", "POST", f"{path}/{made.guid}/split", parts),
            ("deleteSplitTransactionByAccount", "DELETE", f"{path}/{made.guid}/split", None),
            ("mergeAccounts", "POST", f"/users/{world.user}/accounts/merge", merge),
        ):
            world.fresh_events()
            answer = world.control.call(method, call, body, headers=IN_V2)
            assert problems(V2, operation, 204 if answer is None else 200, answer) == []
            self.valid.add(operation)
            self.events[operation] = set(world.fresh_events())


def document() -> str:
    """The whole text of docs/coverage.md."""
    coverage = Coverage()
    both = {**operations(V2), **operations(V1)}
    mounted = {route.operation: route for route in ROUTES}
    expected = refused(sorted(TESTS.rglob("test_*.py")), both)
    rows = []
    for operation, (method, path) in sorted(both.items(), key=lambda item: (item[1][1], item[1][0])):
        route = mounted.get(operation)
        versions = [number for number, version in (("1", V1), ("2", V2)) if route and version in route.versions]
        schema = ["file"] if operation in coverage.valid else []
        schema += ["fields"] if any(name in SHAPES for name in _answer(operation)) else []
        sdks = ["Python"] if operation in coverage.read else []
        sdks += ["Node"] if operation in test_node_sdk.CASES else []
        statuses = expected.get(operation, set()) | (refusals(route) if route else set())
        events = sorted(name.removeprefix("mx.") for name in coverage.events.get(operation, ()))
        cells = (
            f"`{method} {path}`",
            operation,
            " ".join(versions),
            ", ".join(schema),
            ", ".join(sdks),
            " ".join(map(str, sorted(statuses))),
            ", ".join(events),
        )
        rows.append(f"| {' | '.join(cells)} |")
    counts = (
        f"{len(operations(V1))} operations in v20111101, {len(operations(V2))} in v20250224, {len(both)} together; "
        f"{sum(name in mounted for name in both)} mounted, {len(coverage.valid)} validated whole, "
        f"{len(coverage.read)} read by the "
        f"Python SDK, {sum(name in test_node_sdk.CASES for name in both)} by the Node SDK."
    )
    head = (
        "| operation | name | mounted | schema | SDK | refused | events |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    return "\n".join((HEAD, counts, "", head, *rows, ""))


def _answer(operation: str) -> set[str]:
    """The schemas that the answer of an operation is made of."""
    document = openapi(V1 if operation in operations(V1) else V2)
    found = next(
        each
        for methods in document["paths"].values()
        for method, each in methods.items()
        if method != "parameters" and each["operationId"] == operation
    )
    names: set[str] = set()
    open_: list[Any] = [answer for status, answer in found["responses"].items() if str(status).startswith("2")]
    while open_:
        for name in set(re.findall(r"#/components/schemas/(\w+)", json.dumps(open_.pop()))) - names:
            names.add(name)
            open_.append(document["components"]["schemas"][name])
    return names


@official
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_document_is_what_the_tests_do() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "python -m tests.test_coverage_doc writes it anew"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")

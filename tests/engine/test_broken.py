"""Each deliberately broken file gives exactly one message: the one in its first line, ``# expect LINE:COLUMN:
MESSAGE``.
"""

from pathlib import Path

import pytest

from mocksrv.engine.problems import YamlError
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.vocabulary import Template, Vocabulary

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))
STATUSES = """CREATED PREVENTED DENIED CHALLENGED REJECTED LOCKED CONNECTED IMPEDED RECONNECTED DEGRADED
DISCONNECTED DISCONTINUED
CLOSED DELAYED FAILED UPDATED DISABLED IMPORTED RESUMED EXPIRED IMPAIRED PENDING"""
FLOWS = "connect update aggregate verify identify balance history statements rewards background oauth"
MX = Vocabulary(
    provider="mx",
    statuses=frozenset(STATUSES.split()),
    flows=frozenset(FLOWS.split()),
    events=frozenset({"mx.aggregation", "mx.balance"}),
    happy="connected",
    fields={"connection_status_message": {"type": ["string", "null"]}, "is_authenticated": {"type": "boolean"}},
    asking="CHALLENGED",
    operations=(
        Template("GET", "/users"),
        Template("POST", "/users"),
        Template("GET", "/users/<user>/members/<member>/status"),
    ),
    options=frozenset({"accounts"}),
    profiles=lambda: frozenset({"everyday", "empty"}),
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    bundled = tmp_path_factory.mktemp("bundled")
    (bundled / "mx").mkdir()
    for name in ("connected", "denied"):
        (bundled / "mx" / f"{name}.yaml").write_text(
            f"name: {name}\nprovider: mx\nflows: {{connect: [{{status: CONNECTED}}]}}\n"
        )
    return Library(bundled, (), {"mx": MX})


def test_there_are_at_least_forty() -> None:
    assert len(BROKEN) >= 40


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_one_mistake_gives_one_message(path: Path, library: Library) -> None:
    data = path.read_bytes()
    expected = data.split(b"\n", 1)[0].removeprefix(b"# expect ").decode()
    with pytest.raises(YamlError) as caught:
        library.parse(data, str(path))
    assert [str(problem) for problem in caught.value.problems] == [f"{path}:{expected}"]

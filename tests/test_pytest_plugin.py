"""The pytest plugin, as the tests of an app use it: runs of pytest in a folder of their own."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import mocksrv.server
from mocksrv.cli import main
from mocksrv.engine.names import NAME
from mocksrv.reporting import read

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[1]
PLUGIN = ("-p", "mocksrv.pytest_plugin")
HELPERS = "from tests.test_server import HEADERS, connect, mx\n"


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """All of mocksrv is there before: what a run in this process imports first is forgotten after it, and classes that
    are imported once more are others.
    """
    for module in pkgutil.walk_packages(mocksrv.__path__, "mocksrv."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    importlib.import_module(HELPERS.split()[1])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs find this checkout, and have no plugins but those that a test names."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "")


def run(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    """Runs one file of tests in this process, which has no workers."""
    pytester.makepyfile(HELPERS + test)
    return pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", *options)


def test_a_test_has_a_sandbox_with_all_that_it_needs(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_connects(mocksrv):
    member = connect(mocksrv)
    mocksrv.clock.advance("1m")
    assert mocksrv.webhooks.expect("mx.member.created", subject=member)["deliveries"] == []
    assert mocksrv.webhooks.expect("mx.aggregation", subject=member)
    assert mx(f"{mocksrv.mono_url}/v3/institutions")["data"]
    assert mocksrv.finicity_url == f"{mocksrv.base_url}/finicity"
    assert [call["path"] for call in mocksrv.requests][-1] == "/mono/v3/institutions"
    assert mocksrv.violations == []
""",
    )
    result.assert_outcomes(passed=1)


def test_all_events_are_recorded_also_those_that_no_endpoint_asks_for(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import pytest
pytestmark = pytest.mark.mocksrv(clock="manual")

def kinds(mocksrv):
    member = connect(mocksrv)
    mocksrv.clock.advance("1m")
    return {webhook["event"] for webhook in mocksrv.webhooks.list()}

def test_all(mocksrv):
    assert {"mx.account.created", "mx.transaction.created", "mx.member.created"} <= kinds(mocksrv)
    account = mocksrv.webhooks.expect("mx.account.created")["payload"]["account"]["guid"]
    assert mocksrv.webhooks.expect("mx.transaction.created", transaction={"account_guid": account})["deliveries"] == []

@pytest.mark.mocksrv(all_events=False)
def test_those_of_a_plain_client(mocksrv):
    found = kinds(mocksrv)
    assert "mx.member.created" in found
    assert not {kind for kind in found if kind.startswith(("mx.account", "mx.transaction"))}

@pytest.mark.mocksrv(seed=7)
def test_a_reset_keeps_what_the_markers_say(mocksrv):
    found = kinds(mocksrv)
    ids = [webhook["id"] for webhook in mocksrv.webhooks.list("mx.transaction.created")]
    mocksrv.reset()
    assert kinds(mocksrv) == found
    assert [webhook["id"] for webhook in mocksrv.webhooks.list("mx.transaction.created")] == ids != []

def test_what_came_is_told_in_short(mocksrv):
    kinds(mocksrv)
    with pytest.raises(AssertionError, match=r"\\n  … [0-9]+ more mx.transaction.created\\n") as told:
        mocksrv.webhooks.expect("mx.member.deleted", within="0s")
    assert len(str(told.value).splitlines()) < 100
""",
    )
    result.assert_outcomes(passed=4)


def test_sandboxes_are_fresh_and_one_server_has_them_all(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import pytest
seen = []

@pytest.mark.parametrize("number", range(3))
def test_fresh(mocksrv, number):
    assert mocksrv.requests == mocksrv.webhooks.list() == []
    connect(mocksrv)
    seen.append(mocksrv.base_url)

def test_one_server(mocksrv_server):
    servers = {url.partition("/sandbox/")[0] for url in seen}
    assert servers == {mocksrv_server.url}
    assert len(set(seen)) == 3
    assert mocksrv_server.sandbox("default").control.get("/sandboxes") == {"sandboxes": ["default"]}  # dropped
""",
    )
    result.assert_outcomes(passed=4)


def test_a_sandbox_is_named_after_its_test_so_that_ids_repeat(pytester: pytest.Pytester) -> None:
    test = """
import pytest

@pytest.mark.parametrize("bank", ["MX Bank", "Ümlaut/:" + "x" * 80, "Ümlaut/:" + "x" * 81])
@pytest.mark.mocksrv(clock="manual")
def test_named(mocksrv, bank, record_property):
    record_property("name", mocksrv.name)
    record_property("member", connect(mocksrv))
"""

    def seen() -> list[tuple[str, str]]:
        pytester.makepyfile(HELPERS + test)
        recorder = pytester.inline_run(*PLUGIN)
        reports = [each.report for each in recorder.getcalls("pytest_runtest_logreport")]
        return [tuple(dict(each.user_properties).values()) for each in reports if each.when == "call"]

    first = seen()
    names = [name for name, _ in first]
    assert names[0].startswith("test-named-mx-bank-")
    assert all(NAME.fullmatch(name) for name in names)
    assert len(set(first)) == 3
    assert seen() == first


def test_markers_set_a_sandbox_up_the_nearest_last(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import pytest
pytestmark = pytest.mark.mocksrv(clock="manual", scenario="denied")

def status(mocksrv):
    member = connect(mocksrv)
    mocksrv.clock.advance("1m")
    return mocksrv.control.get(f"/subjects/{member}")["status"]

def test_module(mocksrv):
    assert mocksrv.clock.show()["now"] == "2026-01-01T12:00:00.000Z"
    assert status(mocksrv) == "DENIED"

@pytest.mark.mocksrv(scenario="challenged", now="2026-05-01", seed=9)
class TestClass:
    def test_class(self, mocksrv):
        assert mocksrv.clock.show()["now"] == "2026-05-01T00:00:00.000Z"
        assert mocksrv.control.get("/sandbox")["seed"] == 9
        assert status(mocksrv) == "CHALLENGED"

    @pytest.mark.mocksrv(scenario="locked")
    def test_function(self, mocksrv):
        assert status(mocksrv) == "LOCKED"
""",
        "--strict-markers",
    )
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("stric=True", "@pytest.mark.mocksrv: stric is not one of its options; did you mean strict?"),
        ("'denied'", "@pytest.mark.mocksrv: 'denied' is not one of its options; allowed are strict, scenario, "),
        ("scenario='denyed'", "@pytest.mark.mocksrv: *there is no scenario 'denyed'; did you mean denied*"),
        ("clock='fast'", "@pytest.mark.mocksrv: *'fast' is not a clock; allowed are real, manual, or a speed*"),
    ],
)
def test_a_marker_that_is_wrong_says_so(pytester: pytest.Pytester, mark: str, message: str) -> None:
    result = run(pytester, f"import pytest\n\n@pytest.mark.mocksrv({mark})\ndef test_it(mocksrv):\n    pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{message}*"])
    result.stdout.no_fnmatch_line("*During handling of the above exception*")


def test_a_failed_expectation_shows_the_line_of_the_test_and_no_code_of_mocksrv(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_it(mocksrv):
    mocksrv.webhooks.expect("mx.member.created", within="1ms")
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ['>*mocksrv.webhooks.expect("mx.member.created", within="1ms")', "E*no webhook mx.member.*"]
    )
    result.stdout.no_fnmatch_line("*client.py*")


def test_strict_fails_a_test_whose_calls_break_the_contract(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import contextlib, unittest, urllib.request
import pytest

def call(mocksrv):
    request = urllib.request.Request(f"{mocksrv.base_url}/users", headers=HEADERS | {"Accept": "text/html"})
    with contextlib.suppress(urllib.request.HTTPError):
        urllib.request.urlopen(request)

def test_lenient(mocksrv):
    call(mocksrv)
    assert mocksrv.violations

@pytest.mark.mocksrv(strict=True)
def test_strict(mocksrv):
    call(mocksrv)

@pytest.mark.mocksrv(strict=True)
def test_clean(mocksrv):
    connect(mocksrv)

@pytest.fixture
def calls_at_its_end(mocksrv):
    yield
    call(mocksrv)

@pytest.mark.mocksrv(strict=True)
def test_end(calls_at_its_end):
    pass

@pytest.mark.mocksrv(strict=True)
class Unit(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def sandbox(self, mocksrv):
        self.mocksrv = mocksrv

    def test_unit(self):
        call(self.mocksrv)
""",
    )
    result.assert_outcomes(passed=3, failed=2, errors=1)
    result.stdout.fnmatch_lines(["calls broke a provider's contract (strict):", "  GET /users: *"])
    result.stdout.fnmatch_lines_random(["FAILED *test_strict*", "FAILED *Unit::test_unit*", "ERROR *test_end*"])


def test_a_failed_test_shows_what_happened(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import pytest

@pytest.fixture
def member(mocksrv):
    mocksrv.endpoints = [{"url": "http://127.0.0.1:9/hooks", "events": ["mx.member.*"]}]
    return connect(mocksrv)

@pytest.mark.mocksrv(clock="manual", scenario="denied")
def test_fails(mocksrv, member):
    mocksrv.clock.advance("1m")
    assert mocksrv.webhooks.expect("mx.member.created", action="deleted", within="1ms")

@pytest.fixture
def broken(mocksrv):
    connect(mocksrv)
    raise RuntimeError

def test_has_a_broken_fixture(broken):
    pass

def test_passes(mocksrv):
    connect(mocksrv)
""",
    )
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*- mocksrv sandbox test-has-a-broken-fixture-*",
            "*  200  POST /users",
            "E *no webhook mx.member.created action='deleted' within 1ms",
            "*- mocksrv sandbox test-fails-*",
            "http://127.0.0.1:*/sandbox/test-fails-*  its time: 2026-01-01T12:01:00.000Z (manual), next: *",
            "calls:",
            "  2026-01-01T12:00:00.000Z  200  POST /users",
            "  2026-01-01T12:00:00.000Z  200  GET /institutions/mxbank/credentials",
            "violations:",
            "  POST http://127.0.0.1:9/hooks: webhook-refused: mx.member.created was answered by nobody: *",
            "callbacks:",
            "  2026-01-01T12:00:00.000Z  mx.member.created  MBR-*  pending http://127.0.0.1:9/hooks (*refused*)",
            "timeline of MBR-*, which plays denied:",
            "  2026-01-01T12:00:*  DENIED  *",
        ]
    )
    result.stdout.no_fnmatch_line("*- mocksrv sandbox test-passes-*")


def test_a_test_whose_fixtures_fail_shows_what_happened(pytester: pytest.Pytester) -> None:
    """In setup and in teardown, whether they use the sandbox or not; also in the run's last test: its server ends."""
    result = run(
        pytester,
        """
import pytest

@pytest.fixture
def fails_in_setup(mocksrv):
    mx(f"{mocksrv.base_url}/users?page=1")
    raise RuntimeError

@pytest.fixture
def fails_in_teardown(mocksrv):
    yield
    mx(f"{mocksrv.base_url}/users?page=2")
    raise RuntimeError

@pytest.fixture
def fails_after_all():
    yield
    raise RuntimeError

def test_one(fails_in_setup):
    pass

def test_two(fails_in_teardown):
    pass

def test_three(fails_after_all, mocksrv):
    mx(f"{mocksrv.base_url}/users?page=3")

def test_four(fails_after_all, fails_in_teardown):
    pass

def test_none_is_left(mocksrv_server):
    assert mocksrv_server.sandbox("default").control.get("/sandboxes") == {"sandboxes": ["default"]}

def test_last(fails_in_teardown):
    pass
""",
    )
    result.assert_outcomes(passed=5, errors=5)
    for test, page in {"one": 1, "two": 2, "three": 3, "four": 2, "last": 2}.items():
        title = f"*- mocksrv sandbox test-{test}-*"
        result.stdout.fnmatch_lines([title, "calls:", f"  *  200  GET /users[?]page={page}", "violations: none"])
    assert "cannot be read" not in str(result.stdout)


REPORTED = """
def test_one(mocksrv):
    mx(f"{mocksrv.base_url}/users?colour=red")

def test_two(mocksrv):
    connect(mocksrv)
"""


def test_a_run_leaves_a_report_of_all_its_sandboxes(pytester: pytest.Pytester) -> None:
    run(pytester, REPORTED, "--mocksrv-report", "reports/mocksrv.json").assert_outcomes(passed=2)
    _check_report(pytester.path / "reports" / "mocksrv.json")


@pytest.mark.slow
def test_workers_leave_one_report(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(HELPERS + REPORTED)
    options = ("-p", "xdist", "-n2", "--dist=load", "--mocksrv-report", "mocksrv.json")
    pytester.runpytest_subprocess(*PLUGIN, *options).assert_outcomes(passed=2)
    _check_report(pytester.path / "mocksrv.json")


@pytest.mark.slow
def test_a_worker_that_dies_takes_nothing_of_the_tests_before_along(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"import os\n{HELPERS}{REPORTED}\ndef test_three(mocksrv):\n    os._exit(1)\n")
    options = ("-p", "xdist", "-n1", "--mocksrv-report", "mocksrv.json")
    pytester.runpytest_subprocess(*PLUGIN, *options).assert_outcomes(passed=2, failed=1)
    _check_report(pytester.path / "mocksrv.json")


def _check_report(file: Path) -> None:
    """It is what the tests have met, and `mocksrv report` takes it."""
    report = read(file)
    assert sorted(name.rpartition("-")[0] for name in report.sandboxes) == ["test-one", "test-two"]
    [mx] = [each["kinds"]["operation"]["met"] for each in report.coverage if each["provider"] == "mx"]
    assert {"listUsers", "createUser", "createMember"} <= {each["name"] for each in mx}
    assert [(each["sandbox"].rpartition("-")[0], each["detail"]) for each in report.violations] == [
        ("test-one", "colour")
    ]
    told = CliRunner().invoke(main, ["report", "--merge", str(file), "--fail-on", "violations"])
    assert (told.exit_code, "sandboxes: test-" in told.output) == (1, True)


def test_a_report_of_no_sandbox_is_empty(pytester: pytest.Pytester) -> None:
    run(pytester, "def test_it():\n    pass\n", "--mocksrv-report", "mocksrv.json").assert_outcomes(passed=1)
    told = CliRunner().invoke(main, ["report", "--merge", "mocksrv.json"])
    assert (told.exit_code, told.output.splitlines()[0]) == (0, "sandboxes: none")


def test_a_report_that_cannot_be_written_is_told_in_a_line(pytester: pytest.Pytester) -> None:
    (pytester.path / "taken").mkdir()
    result = run(pytester, "def test_it():\n    pass\n", "--mocksrv-report", "taken")
    result.stderr.fnmatch_lines(["*--mocksrv-report: */taken: Is a directory*"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_long_story_is_cut(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_fails(mocksrv):
    for _ in range(60):
        mx(f"{mocksrv.base_url}/users")
    assert False
""",
    )
    result.stdout.fnmatch_lines(["calls:", "  … 10 earlier"])
    assert str(result.stdout).count("200  GET /users") == 50


def test_a_server_with_settings_of_ones_own(pytester: pytest.Pytester) -> None:
    (pytester.path / "mine").mkdir()
    (pytester.path / "mine" / "slow.yaml").write_text(
        "name: slow\nprovider: mx\nflows:\n  connect:\n    - status: FAILED\n"
    )
    pytester.makeconftest(
        """
import mocksrv, pytest

@pytest.fixture(scope="session")
def mocksrv_server():
    with mocksrv.Server(scenarios="mine") as server:
        yield server
"""
    )
    result = run(
        pytester,
        """
import pytest

@pytest.mark.mocksrv(scenario="slow", clock="manual")
def test_it(mocksrv):
    member = connect(mocksrv)
    mocksrv.clock.advance("1m")
    assert mocksrv.control.get(f"/subjects/{member}")["status"] == "FAILED"
""",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_workers_share_one_server_that_ends_with_the_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        HELPERS
        + """
import pathlib, pytest

@pytest.mark.parametrize("number", range(4))
def test_it(mocksrv, number, worker_id):
    connect(mocksrv)
    pathlib.Path(f"seen-{number}").write_text(mocksrv.base_url.partition("/sandbox/")[0] + " " + worker_id)
"""
    )
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "xdist", "-n2", "--dist=load")
    result.assert_outcomes(passed=4)
    seen = [file.read_text().split() for file in pytester.path.glob("seen-*")]
    assert {worker for _, worker in seen} == {"gw0", "gw1"}
    [url] = {url for url, _ in seen}
    with pytest.raises(mocksrv.Unreachable):
        mocksrv.Sandbox(url, "one").clock.show()


@pytest.mark.slow
def test_workers_that_run_the_same_tests_have_servers_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(HELPERS + "\ndef test_it(mocksrv):\n    assert not mocksrv.requests\n    connect(mocksrv)\n")
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "xdist", "--dist=each", "--tx=2*popen")
    result.assert_outcomes(passed=2)


def test_a_run_that_asks_for_no_sandbox_imports_and_starts_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import sys, threading

def test_it():
    assert not [name for name in sys.modules if name.startswith(("mocksrv.", "flask")) and name != PLUGIN]
    assert threading.active_count() == 1

PLUGIN = "mocksrv.pytest_plugin"
"""
    )
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(passed=1)


def test_it_comes_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"mocksrv": "mocksrv.pytest_plugin"}


def test_without_pytest_the_package_is_whole() -> None:
    code = "import sys; sys.modules['pytest'] = None; import mocksrv; mocksrv.Server"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=True)

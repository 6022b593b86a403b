"""A fourth provider is its folder, its scenarios and one line of the registry, and then a full citizen of every tool.

The provider is written here, into a folder of the test's: it is the smallest one that has a subject, a status, a
callback and a kind of authentication of its own. What is declared wrongly fails at start, with file and name.
"""

from __future__ import annotations

import re
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import mocksrv
from mocksrv import registry
from mocksrv.cli import main
from mocksrv.engine.config import Config
from mocksrv.engine.declarations import DeclarationError
from mocksrv.server import LocalServer, build, bundled_scenarios

PROVIDER = '''"""Acme Loans: an app applies for a loan, which is approved or not."""

import hmac
import sys
from pathlib import Path

from mocksrv.engine.callbacks.dispatcher import Retries
from mocksrv.engine.play import Play
from mocksrv.engine.role import JobKind, Role
from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER, choose
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.storage.records import Record
from mocksrv.providers.demo import Demo
from mocksrv.providers.http import ProviderError, Reply, Route, Routes
from mocksrv.providers.provider import Provider


def payload(world, loan):
    return {"acme": "loan.changed", "loan": loan.guid, "status": loan.body["status"]}


def sign(auth, body):
    return {"Acme-Signature": hmac.digest(auth["secret"].encode(), body, "sha256").hex()}


class LoanRole(Role):
    vocabulary = Vocabulary(
        provider="acme",
        statuses=frozenset({"APPLIED", "APPROVED", "REJECTED"}),
        flows=frozenset({"apply", "review"}),
        events=frozenset({"acme.loan.changed"}),
        happy="approved",
    )
    defaults = Path(__file__).with_name("defaults.yaml")
    jobs = {name: JobKind(name, name) for name in ("apply", "review")}
    first_flow, plain_job, refresh_job = "apply", "review", "review"
    first_status = resumed = "APPLIED"
    successful = refreshable = frozenset({"APPROVED"})
    subject_kind = "acme.loan"
    payloads = {"acme.loan.changed": payload}
    unasked = frozenset({"acme.*"})
    retries = Retries((60_000, 600_000))
    signers = {"acme": sign}

    def announce(self, world, subject, action):
        self.emit(world, "acme.loan.changed", subject)

    def sample(self, world):
        return Record("acme.loan", world.guid("LOAN"), {"status": "APPLIED"})


routes = Routes(Route)


@routes.add("POST", "/loans")
def apply(call):
    with call.change() as world:
        header = call.request.headers.get(SCENARIO_HEADER)
        role = call.mount.role
        choice = choose(world, role.vocabulary, header=header, institution=None, login=None)
        loan = Record("acme.loan", world.guid("LOAN"), {"status": "APPLIED"}, play=Play("acme", *choice))
        call.engine.player.start(world, loan, "apply", created=True)
    return Reply({"id": loan.guid, "status": loan.body["status"]}, 201)


@routes.add("GET", "/loans/<id>")
def read(call, id):
    with call.look() as world:
        loan = world.get("acme.loan", id)
    if loan is None:
        raise ProviderError(404, f"there is no loan {id}")
    call.about(loan)
    return Reply({"id": loan.guid, "status": loan.body["status"]})


class AcmeDemo(Demo):
    @property
    def status_path(self):
        return f"/acme/loans/{self.guid}"

    def run(self):
        self.guid = self.runner.call("POST", "/acme/loans", {}, headers={SCENARIO_HEADER: self.scenario.name})["id"]
        self.until_done()


class AcmeProvider(Provider):
    name, title, noun = "acme", "Acme", "loan"
    prefix, api = "/acme", "Acme Loans API"
    central_event = "acme.loan.changed"
    auth_kinds = ("acme",)

    def families(self):
        return [sys.modules[__name__]]

    def make_role(self):
        return LoanRole()

    @classmethod
    def demo(cls):
        return AcmeDemo

    @classmethod
    def describe(cls, body):
        return (body["acme"], body["status"]) if "acme" in body else None
'''
FILES = {
    "acme/__init__.py": "",
    "acme/provider.py": PROVIDER,
    "acme/defaults.yaml": """name: defaults
provider: acme
flows:
  apply: [{status: APPLIED}, {after: 1m, status: APPROVED}]
  review: [{status: APPROVED}]
  unwritten right: [{status: APPROVED}]
  unwritten wrong: [{status: REJECTED}]
  unwritten silent: [{status: REJECTED}]
  unwritten approved: [{status: APPROVED}]
""",
    "scenarios/acme/approved.yaml": """name: approved
provider: acme
summary: The loan is approved.
flows:
  apply: [{status: APPLIED}, {after: 1m, status: APPROVED}]
""",
    "scenarios/acme/rejected.yaml": """name: rejected
provider: acme
summary: The loan is rejected after an hour.
flows:
  apply: [{status: APPLIED}, {after: 1h, status: REJECTED}]
""",
}
# What it shows to people, which the smallest provider does not have.
PAGES = {
    "acme/provider.py": PROVIDER.replace(
        "    def make_role(self):",
        """    def pages(self):
        return [PageRoute("GET", "/loans/<id>/page", "acme.pages:loan")]

    def make_role(self):""",
    ).replace("import Provider\n", "import PageRoute, Provider\n"),
    "acme/pages/__init__.py": """
def loan(page, id):
    with page.look() as world:
        found = world.get("acme.loan", id)
    return page.render("loan.html", loan=found, again=page.url("loan", id=id))
""",
    "acme/pages/templates/loan.html": """{% extends "layout.html" %}
{% block main %}<h1>{{ t("told", status=loan.body.status) }}</h1><a href="{{ again }}">Again</a>{% endblock %}
""",
    "acme/pages/texts/en.yaml": "told: Your loan is {status}.\n",
    "acme/pages/static/loan.css": "h1 { color: teal }\n",
}
# What every provider writes alike, and so says nothing of Acme: docstrings, imports, decorators, empty lines aside.
BOILERPLATE = ("import ", "from ", "def ", "class ", "with ", "return ", "@", "raise ", "if ")


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The provider, in its folder, and its line in the registry."""
    shutil.copytree(bundled_scenarios(), tmp_path / "scenarios")
    write(tmp_path, FILES)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry.PROVIDERS, "acme", "acme.provider:AcmeProvider")
    for module in ("mocksrv.server", "mocksrv.cli.library"):
        __import__(module)
        monkeypatch.setattr(f"{module}.bundled_scenarios", lambda: tmp_path / "scenarios")
    yield tmp_path
    for module in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[module]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def run(*arguments: str) -> str:
    """What a command prints; it must succeed."""
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, f"{arguments}: {done.output} {done.exception!r}"
    return done.output


def test_it_is_small() -> None:
    lines = [line for text in FILES.values() for line in text.splitlines() if line.strip()]
    assert len(lines) <= 130
    assert sum(line.strip().startswith(BOILERPLATE) for line in lines) <= 100


def test_it_serves_and_is_pushed_and_triggered(acme: Path) -> None:
    engine, app = build(Config(seed=7, clock="manual"))
    client = app.test_client()
    loan = client.post("/acme/loans", json={}, headers={"X-Mocksrv-Scenario": "rejected"}).get_json()
    assert loan["status"] == "APPLIED"

    client.post("/_mocksrv/clock/advance", json={"by": "1h"})
    assert client.get(f"/acme/loans/{loan['id']}").get_json()["status"] == "REJECTED"

    pushed = client.put(f"/_mocksrv/subjects/{loan['id']}/status", json={"status": "APPROVED"})
    assert pushed.status_code == 200, pushed.get_data(as_text=True)
    assert client.get(f"/acme/loans/{loan['id']}").get_json()["status"] == "APPROVED"
    refused = client.put(f"/_mocksrv/subjects/{loan['id']}/status", json={"status": "APROVED"})
    assert "APPROVED" in refused.get_data(as_text=True)

    sent = client.post("/_mocksrv/trigger", json={"event": "acme.loan.changed", "subject": loan["id"]})
    assert sent.status_code == 200, sent.get_data(as_text=True)
    assert client.get("/acme/loans/none").get_json() == {"message": "there is no loan none"}
    assert client.get("/acme/nothing").status_code == 404
    engine.close()


def test_an_endpoint_takes_its_kind_of_authentication(acme: Path) -> None:
    engine, app = build(Config(clock="manual"))
    client = app.test_client()

    def put(kind: str) -> Any:
        auth = {"type": kind, "secret": "s"}
        return client.put("/_mocksrv/endpoints", json={"endpoints": [{"url": "http://127.0.0.1:1/x", "auth": auth}]})

    assert put("acme").status_code == 200
    assert "did you mean acme?" in put("acmee").get_data(as_text=True)
    engine.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scenarios", "list"), "The loan is rejected after an hour."),
        (("scenarios", "show", "acme/rejected"), "provider: acme"),
        (("scenarios", "validate", "."), "no faults"),
        (("scenarios", "simulate", "acme/rejected"), "Ends with REJECTED."),
        (("demo", "acme/approved"), "2 callbacks sent, 2 received"),
        (("listen", "--help"), "acme:SECRET"),
        (("demo", "--help"), "Acme: loan"),
        (("scenarios", "simulate", "--help"), "Acme: loan"),
        (("exec", "--help"), "ACME_BASE_URL"),
        (("wait", "--help"), "ACME_BASE_URL"),
        (("--help",), "and Acme"),
    ],
)
def test_the_tools_know_it(acme: Path, arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(acme / "scenarios" / "acme")
    for module in ("listen", "demo", "scenarios", "exec", "wait"):  # their help is made when they are imported
        monkeypatch.delitem(sys.modules, f"mocksrv.cli.{module}", raising=False)
    assert said in " ".join(run(*arguments).split())


def test_a_consumer_is_checked_with_its_events(acme: Path) -> None:
    from mocksrv.cli.check_consumer import genuine_events
    from mocksrv.cli.listen import describe

    [event] = genuine_events("acme")
    assert (event.name, event.payload["status"]) == ("acme.loan.changed", "APPROVED")
    assert describe(event.payload) == ("loan.changed", "APPROVED")


def test_the_banner_shows_where_it_is(acme: Path) -> None:
    from mocksrv.cli.serve import banner

    config = Config(clock="manual")
    engine, _ = build(config)
    assert "Acme Loans API   http://127.0.0.1:8484/acme   (any credentials)" in banner(engine, config, 8484)
    engine.close()


def test_its_pages_are_shown_with_its_own_texts_and_files(acme: Path) -> None:
    write(acme, PAGES)
    engine, app = build(Config(seed=7, clock="manual"))
    client = app.test_client()
    loan = client.post("/sandbox/a/acme/loans", json={}).get_json()["id"]
    page = client.get(f"/sandbox/a/acme/loans/{loan}/page")
    assert page.status_code == 200
    assert "<h1>Your loan is APPLIED.</h1>" in page.get_data(as_text=True)
    assert f'<a href="/sandbox/a/acme/loans/{loan}/page">' in page.get_data(as_text=True)
    assert "teal" in client.get("/_pages/acme/loan.css").get_data(as_text=True)
    assert client.get("/_pages/acem/loan.css").status_code == 404
    engine.close()


def test_what_happens_to_its_subjects_is_streamed_and_shown_in_the_dashboard(acme: Path) -> None:
    with LocalServer(Config(port=0, seed=7, clock="manual")) as server:
        client = server.app.test_client()
        stream = urllib.request.urlopen(f"{server.url}/_mocksrv/stream", timeout=20)
        loan = client.post("/acme/loans", json={}, headers={"X-Mocksrv-Scenario": "rejected"}).get_json()["id"]
        assert any(loan.encode() in line and b"acme.loan.changed" in line for line in stream)
        stream.close()

        page = client.get(f"/_mocksrv/dashboard/subjects/{loan}", headers={"Accept": "text/html"})
        shown = page.get_data(as_text=True)
        assert page.status_code == 200
        assert {f"subject-{loan}", "push-REJECTED", "push-APPROVED"} <= {*re.findall(r'data-testid="([^"]+)"', shown)}
        scenarios = client.get("/_mocksrv/dashboard/scenarios?q=provider:acme", headers={"Accept": "text/html"})
        assert "acme/rejected" in scenarios.get_data(as_text=True)


def test_programs_are_told_where_it_is(acme: Path, capfd: pytest.CaptureFixture[str]) -> None:
    apply = "import os, urllib.request as u; print(u.urlopen(os.environ['ACME_BASE_URL'] + '/loans', b'{}').read())"
    run("exec", "--", sys.executable, "-c", apply)
    assert "APPLIED" in capfd.readouterr().out

    with mocksrv.Server(clock="manual") as server:
        sandbox = server.sandbox("a")
        assert sandbox.urls["acme"] == f"{sandbox.base_url}/acme"
        sandbox.play("acme/rejected")
        urllib.request.urlopen(f"{sandbox.urls['acme']}/loans", b"{}")
        sandbox.clock.advance("1h")
        assert [event["event"] for event in sandbox.webhooks.list()] == ["acme.loan.changed"] * 2


# what is declared wrongly

CONTROL = """
    def control_routes(self):
        from mocksrv.providers.provider import ControlRoute

        return [ControlRoute("GET", "/loans/<id>", lambda sandbox, body, id: {}, "Shows a loan.")]
"""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("def read(call, id)", "def read(call, loan)"), "read: does not fit GET /loans/<id>"),
        (('@routes.add("GET", "/loans/<id>")', '@routes.add("GET", "/loans/<id>", "POST /loans")'), "is there already"),
        (('@routes.add("GET", "/loans/<id>")', '@routes.add("POST", "/loans", "x")'), "is the path of 'POST /loans'"),
        (
            ('payloads = {"acme.loan.changed": payload}', ""),
            "payloads: the event 'acme.loan.changed' has none",
        ),
        (('resumed = "APPLIED"', 'resumed = "APPLYED"'), "'APPLYED' is no status; did you mean 'APPLIED'?"),
        (('first_flow, plain_job, refresh_job = "apply"', 'first_flow, plain_job, refresh_job = "aply"'), "no job"),
        (("    signers =", "    branches = {'right': 'rite'}\n    signers ="), "'rite' is no flow"),
        (("    signers =", "    unsigned ="), "'acme' is no auth kind with a signer in the role"),
        (('central_event = "acme.loan.changed"', 'central_event = "acme.loan"'), "'acme.loan' is no event"),
        (('central_event = "acme.loan.changed"', ""), "AcmeProvider: central_event is missing"),
        (("def families(self)", "def family(self)"), "AcmeProvider: families is missing; every Provider declares it"),
        (("    def families(self)", f"{CONTROL}\n    def families(self)"), "says what each of id is"),
        (("def make_role(self)", "def role_of(self)"), "AcmeProvider: make_role is missing"),
        (("def demo(cls)", "def demonstrate(cls)"), "AcmeProvider: demo is missing"),
        (('    subject_kind = "acme.loan"', ""), "LoanRole: subject_kind is missing"),
        (
            ('    first_flow, plain_job, refresh_job = "apply"', '    first_flow, plain_job, daily_job = "apply"'),
            "LoanRole: refresh_job is missing; every Role declares it",
        ),
        (("    vocabulary = Vocabulary(", "    words = Vocabulary("), "LoanRole: vocabulary is missing"),
        (("    signers =", '    secret_kinds = frozenset({"acme.loan"})\n    signers ='), "without_secrets is missing"),
        (('frozenset({"acme.*"})', 'frozenset({"acmee.*"})'), "unasked: 'acmee.*' fits no event"),
    ],
)
def test_what_is_declared_wrongly_fails_at_start(acme: Path, wrong: tuple[str, str], said: str) -> None:
    file = acme / "acme" / "provider.py"
    assert wrong[0] in PROVIDER
    file.write_text(PROVIDER.replace(*wrong))
    with pytest.raises(DeclarationError) as error:
        build(Config())
    assert str(file) in str(error.value)
    assert said in str(error.value)

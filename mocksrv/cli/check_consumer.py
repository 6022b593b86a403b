"""``mocksrv check-consumer``: a report card for a webhook endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree

import click

from mocksrv.cli.checks import CHECKS, Consumer, Event, Subject, Verdict
from mocksrv.cli.client import JSON, print_json

SEED = 7
CENTRAL = {"mx": "mx.member.updated"}  # a provider's most usual event
MARKS = {True: "ok", False: "FAILED", None: "-"}


class Result(NamedTuple):
    """What came of one check."""

    name: str
    what: str
    verdict: Verdict


@click.command("check-consumer")
@click.argument("url")
@click.option("--auth", metavar="WHAT", help="The credentials that it wants: basic:USER:PASSWORD or bearer:TOKEN")
@click.option("--only", metavar="NAME", multiple=True, help="Only this check. Repeatable.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write the report as JUnit XML.")
@JSON
def check_consumer(url: str, auth: str | None, only: tuple[str, ...], junit: Path | None, as_json: bool) -> int:
    """Play the provider against your webhook endpoint, and report how it does. Needs no server.

    It is sent genuine events of every kind, then duplicates, stale and damaged ones, strangers' and the future's. The exit status
    is 0 only if every check passed.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise click.UsageError(f"{url!r} is not an HTTP URL; write for example http://127.0.0.1:3000/webhooks")
    unknown = [name for name in only if name not in CHECKS]
    if unknown:
        raise click.UsageError(f"--only: there is no check {unknown[0]!r}; there are {', '.join(CHECKS)}")
    results = run(url, auth, only)
    if junit:
        junit.write_bytes(as_junit(url, results))
    if as_json:
        rows = [{"check": r.name, "expects": r.what, "passed": r.verdict.passed, "detail": r.verdict.detail} for r in results]
        print_json({"url": url, "passed": score(results)[0], "checks": score(results)[1], "results": rows})
    else:
        _print(url, results)
    return 0 if all(result.verdict.passed is not False for result in results) else 1


def run(url: str, auth: str | None = None, only: tuple[str, ...] = ()) -> list[Result]:
    """All checks, or only those named. Raises click.ClickException when nobody answers at the URL."""
    proof = _proof(auth)
    consumer = Consumer(url, lambda _: proof, {"Authorization": "Basic d3Jvbmc6d3Jvbmc="} if auth else None)
    subject = Subject(consumer, genuine_events("mx"), CENTRAL["mx"])
    first = consumer.send(subject.central)
    if first.error and "refused" in first.error.lower():
        raise click.ClickException(f"nobody answers at {url}: {first.error}")
    return [Result(name, what, function(subject)) for name, (what, function) in CHECKS.items() if not only or name in only]


def _proof(auth: str | None) -> dict[str, str]:
    from mocksrv.engine.credentials import basic

    kind, _, secret = (auth or "").partition(":")
    if auth is None:
        return {}
    if kind == "basic" and ":" in secret:
        return {"Authorization": basic(*secret.split(":", 1))}
    if kind == "bearer" and secret:
        return {"Authorization": f"Bearer {secret}"}
    raise click.UsageError(f"--auth: {auth!r} is neither basic:USER:PASSWORD nor bearer:TOKEN")


def genuine_events(provider: str) -> list[Event]:
    """One event of every kind, as the provider makes it for a member that has connected."""
    with _engine() as (engine, client):
        _connect(client)
        sandbox = engine.sandbox("default")
        engine.advance(sandbox, sandbox.now() + 60_000)
        made = []
        for name in sorted(engine.vocabularies[provider].events):
            [id] = engine.trigger(sandbox, name, None, {})
            with engine.look(sandbox) as world:
                [row] = world.tx.events(sandbox.name, id=id)
            made.append(Event(name, json.loads(row[6]), json.loads(row[5])))
        return made


@contextmanager
def _engine() -> Iterator[tuple[Any, Any]]:
    """A server of its own, in this process, that nobody else can reach."""
    from mocksrv.engine.engine import Options
    from mocksrv.engine.sandbox import Settings
    from mocksrv.web.server import Setup, build

    engine, app = build(Setup(engine=Options(settings=Settings(seed=SEED), clock="manual")))
    try:
        yield engine, app.test_client()
    finally:
        engine.close()


def _connect(client: Any) -> None:
    """One user with a connected member, whom the events are about."""

    def call(method: str, path: str, body: Any = None) -> Any:
        headers = {"Accept": "application/vnd.mx.api.v1+json"}
        return client.open(path, method=method, json=body, headers=headers, auth=("check", "check")).get_json()

    user = call("POST", "/users", {"user": {"id": "customer-42", "email": "sam.sample@example.com"}})["user"]["guid"]
    form = call("GET", "/institutions/mxbank/credentials")["credentials"]
    credentials = [{"guid": field["guid"], "value": "mxuser"} for field in form]
    call("POST", f"/users/{user}/members", {"member": {"institution_code": "mxbank", "credentials": credentials}})


# reports


def score(results: list[Result]) -> tuple[int, int]:
    """How many passed, of how many that applied."""
    applied = [result for result in results if result.verdict.passed is not None]
    return sum(bool(result.verdict.passed) for result in applied), len(applied)


def _print(url: str, results: list[Result]) -> None:
    click.echo(f"{url}\n")
    width = max(len(result.name) for result in results)
    for name, what, verdict in results:
        click.echo(f"  {MARKS[verdict.passed]:<6}  {name:<{width}}  {what if verdict.passed else f'{what}: {verdict.detail}'}")
    passed, applied = score(results)
    click.echo(f"\n{passed} of {applied} checks passed")


def as_junit(url: str, results: list[Result]) -> bytes:
    """The report as JUnit XML: one test case a check."""
    failed = sum(result.verdict.passed is False for result in results)
    skipped = sum(result.verdict.passed is None for result in results)
    numbers = {"tests": str(len(results)), "failures": str(failed), "skipped": str(skipped), "errors": "0"}
    suite = ElementTree.Element("testsuite", {"name": f"mocksrv check-consumer {url}", **numbers})
    for name, what, verdict in results:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "check-consumer", "name": name})
        if verdict.passed is False:
            ElementTree.SubElement(case, "failure", {"message": f"expected: {what}"}).text = verdict.detail
        elif verdict.passed is None:
            ElementTree.SubElement(case, "skipped", {"message": verdict.detail})
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)

"""``mocksrv check-consumer``: a report card for a webhook endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import click

from mocksrv.cli.checks import CHECKS, Verdict
from mocksrv.cli.client import JSON, print_json
from mocksrv.cli.consumer import Consumer, SampleEvent, Subject
from mocksrv.cli.output import write_file
from mocksrv.cli.proofs import proofs, signers
from mocksrv.engine.callbacks.addresses import is_http_url
from mocksrv.engine.callbacks.credentials import Signer, basic
from mocksrv.engine.clock import MINUTE
from mocksrv.registry import PROVIDERS, declared

SEED = 7
MARKS = {True: "ok", False: "FAILED", None: "-"}


WRONG_URL = "is the URL right?"
WRONG_AUTH = "say with --auth which credentials it wants, or check them"
DOORS = {401: WRONG_AUTH, 403: WRONG_AUTH, 404: WRONG_URL, 405: WRONG_URL}  # before them there is nothing to check


class Result(NamedTuple):
    """What came of one check."""

    name: str
    what: str
    verdict: Verdict


@click.command("check-consumer")
@click.argument("url")
@click.option(
    "--provider",
    type=click.Choice(list(PROVIDERS)),
    default=next(iter(PROVIDERS)),
    show_default=True,
    help="Who sends.",
)
@click.option(
    "--auth",
    metavar="WHAT",
    help=f"The credentials that it wants: {proofs()}.",
)
@click.option("--only", metavar="NAME", multiple=True, help="Only this check. Repeatable.")
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the report as JUnit XML.",
)
@JSON
def check_consumer(
    url: str, provider: str, auth: str | None, only: tuple[str, ...], junit: Path | None, as_json: bool
) -> int:
    """Play a provider against your webhook endpoint, and report how it does. Needs no server.

    It is sent genuine events of every kind, then duplicates, stale and damaged ones, strangers' and the future's. The
    exit status is 0 only if every check passed.
    """
    unknown = [name for name in only if name not in CHECKS]
    if unknown:
        raise click.UsageError(f"--only: there is no check {unknown[0]!r}; there are {', '.join(CHECKS)}")
    results = run(url, auth, only, provider)
    if junit:
        write_file(junit, as_junit(url, results))
    if as_json:
        print_json(report(url, results))
    else:
        _print(url, results)
    return 0 if all(result.verdict.passed is not False for result in results) else 1


def run(
    url: str, auth: str | None = None, only: tuple[str, ...] = (), provider: str = next(iter(PROVIDERS))
) -> list[Result]:
    """All checks, or only those named. Raises click.ClickException when nobody answers at the URL, or it is none."""
    if not is_http_url(url):
        raise click.UsageError(f"{url!r} is not an HTTP URL; write for example http://127.0.0.1:3000/webhooks")
    consumer = Consumer(url, *_proofs(auth)) if auth else Consumer(url)
    subject = Subject(consumer, genuine_events(provider), declared(provider).central_event)
    first = consumer.send(subject.central)
    if first.error and "refused" in first.error.lower():
        raise click.ClickException(f"nobody answers at {url}: {first.error}")
    if first.status in DOORS:
        raise click.ClickException(f"{url} answers {first.status} to a genuine event: {DOORS[first.status]}")
    return [
        Result(name, what, function(subject)) for name, (what, function) in CHECKS.items() if not only or name in only
    ]


Proof = Callable[[bytes], Mapping[str, str]]  # of a body, the headers


def _proofs(auth: str) -> tuple[Proof, Proof]:
    """What proves the right sender, and what a stranger would send. Raises click.UsageError."""
    kind, _, secret = auth.partition(":")
    makers: dict[str, Callable[[str], Proof]] = {
        "basic": lambda pair: lambda _: {"Authorization": basic(*pair.split(":", 1))},
        "bearer": lambda token: lambda _: {"Authorization": f"Bearer {token}"},
        **{name: partial(_signed, signer) for name, signer in signers().items()},
    }
    if kind not in makers or not secret or (kind == "basic" and ":" not in secret):
        raise click.UsageError(f"--auth: {auth!r} is none of {proofs()}")
    return makers[kind](secret), makers[kind]("not:this")


def _signed(sign: Signer, secret: str) -> Proof:
    return lambda body: sign({"secret": secret}, body)


def genuine_events(provider: str) -> list[SampleEvent]:
    """One event of every kind, as the provider makes it for somebody with whom all has gone well."""
    from mocksrv.cli.simulate import LocalRunner, Timeline
    from mocksrv.engine.config import Config
    from mocksrv.providers.demo import Choices

    runner = LocalRunner(Config(seed=SEED, clock="manual"), provider, Timeline())
    engine = runner.engine
    try:
        words = engine.vocabularies[provider]
        play = declared(provider).demo()(runner, engine.library.get(provider, words.happy), Choices())
        play.run()
        engine.advance(play.sandbox, play.sandbox.now() + MINUTE)  # what comes a little later is there, too
        made = []
        for name in sorted(words.events):
            [id] = engine.trigger(play.sandbox, name, None, {})
            with engine.look(play.sandbox) as world:
                [row] = world.tx.events(play.sandbox.name, id=id)
            made.append(SampleEvent(name, json.loads(row.headers), json.loads(row.payload)))
        return made
    finally:
        engine.close()


# reports


def report(url: str, results: list[Result]) -> dict[str, Any]:
    """The report for programs."""
    passed, applied = score(results)
    rows = [
        {"check": name, "expects": what, "passed": verdict.passed, "detail": verdict.detail}
        for name, what, verdict in results
    ]
    return {"url": url, "passed": passed, "checks": applied, "results": rows}


def score(results: list[Result]) -> tuple[int, int]:
    """How many passed, of how many that applied."""
    applied = [result for result in results if result.verdict.passed is not None]
    return sum(bool(result.verdict.passed) for result in applied), len(applied)


def _print(url: str, results: list[Result]) -> None:
    click.echo(f"{url}\n")
    width = max(len(result.name) for result in results)
    for name, what, verdict in results:
        click.echo(
            f"  {MARKS[verdict.passed]:<6}  {name:<{width}}  {what if verdict.passed else f'{what}: {verdict.detail}'}"
        )
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

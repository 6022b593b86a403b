"""``mocksrv report``: what an app has met of the providers and what it broke, as text, JSON, JUnit XML or a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from mocksrv.cli.client import JSON, print_json, with_sandboxes
from mocksrv.cli.output import print_table, write_file
from mocksrv.cli.requests import broken, show_rules
from mocksrv.client import Client
from mocksrv.engine.coverage import KINDS
from mocksrv.engine.problems import choose
from mocksrv.engine.violations import ERROR, SEVERITIES
from mocksrv.registry import declared
from mocksrv.reporting import NoReport, Report, asked, merged, read

NAMED = 12  # sandboxes, and things that were not met, in the text
FAIL_ON = {"violations": tuple(SEVERITIES), "errors": (ERROR,)}  # -> the severities that fail


class Minimum(NamedTuple):
    """So many percent of a kind (None: of all) are to be met."""

    kind: str | None
    percent: float

    @property
    def of(self) -> str:
        return f"the {KINDS[self.kind].partition(':')[0]}" if self.kind else "all"


class Percent(click.ParamType[Minimum]):
    """``80``, or ``KIND=80``."""

    name = "percent"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Minimum:
        kind, _, number = value.rpartition("=")
        if kind and kind not in KINDS:
            self.fail(f"{kind!r} is not a kind; {choose(kind, KINDS, KINDS)[0]}", param, ctx)
        if not number.replace(".", "", 1).isdecimal() or float(number) > 100:
            self.fail(f"{number!r} is not a number from 0 to 100", param, ctx)
        return Minimum(kind or None, float(number))


FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@with_sandboxes
@click.option(
    "--merge",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Add what --json, or pytest --mocksrv-report, wrote there. Repeatable.",
)
@click.option("--junit", type=FILE, metavar="FILE", help="Also write it as JUnit XML: a case for each rule.")
@click.option("--html", type=FILE, metavar="FILE", help="Also write it as one page.")
@click.option(
    "--min-coverage",
    type=Percent(),
    multiple=True,
    metavar="[KIND=]N",
    help=f"Fail when less than N percent were met, of all or of a KIND: {', '.join(KINDS)}. Repeatable.",
)
@click.option("--fail-on", type=click.Choice([*FAIL_ON]), help="Fail when there are any.")
@JSON
def report(
    servers: Sequence[Client],
    merge: Sequence[Path],
    junit: Path | None,
    html: Path | None,
    min_coverage: Sequence[Minimum],
    fail_on: str | None,
    as_json: bool,
) -> None:
    """Report what an app has met of each provider, what it has not, and which rules of their contracts it broke.

    Asks the sandboxes of a running server; with --merge it asks none unless --sandbox names it. The exit status is 1
    when --fail-on or --min-coverage is not satisfied.
    """
    try:
        whole = merged([*map(read, merge), *([asked(servers)] if servers else [])])
    except NoReport as error:
        raise click.UsageError(f"--merge: {error}") from None
    fatal = FAIL_ON[fail_on] if fail_on else ()
    if junit:
        from mocksrv.cli.report_files import as_junit

        write_file(junit, as_junit(whole, fatal, [*_unmet(whole, min_coverage)]))
    if html:
        from mocksrv.cli.report_files import as_html

        write_file(html, as_html(whole).encode())
    if as_json:
        print_json(whole.document())
    else:
        _print(whole)
    failures = [*_unmet(whole, min_coverage)]
    if fail_on and (found := sum(len(each.violations) for each in whole.broken(*fatal))):
        failures.insert(0, f"there are {found} {fail_on}" if found > 1 else f"there is one {fail_on.removesuffix('s')}")
    if failures:
        raise click.ClickException("; ".join(failures))


def _unmet(whole: Report, minima: Sequence[Minimum]) -> Iterator[str]:
    """The minima that are not reached, in words. Where no provider was called nothing was met."""
    for minimum in minima:
        percent = whole.share(minimum.kind).percent if whole.used else 0.0
        if percent < minimum.percent:
            yield f"{percent:.1f} % of {minimum.of} were met; --min-coverage wants {minimum.percent:g} %"


def _print(whole: Report) -> None:
    click.echo(f"sandboxes: {_listed(whole.sandboxes)}\n")
    rows = []
    for name in whole.used:
        shares = (whole.share(kind, name) for kind in (*KINDS, None))
        rows.append((declared(name).title, *map(str, shares)))
    if rows:
        print_table(("MET", *(f"{kind.upper()}" for kind in KINDS), "ALL"), rows)
    unused = [declared(each["provider"]).title for each in whole.coverage if each["provider"] not in whole.used]
    if unused:
        click.echo(f"not called: {', '.join(unused)}")
    for each in whole.coverage:
        if each["provider"] in whole.used:
            click.echo(f"\n{declared(each['provider']).title}, not met:")
            for kind in KINDS:
                _print_names(kind, each["kinds"][kind]["not_met"])
    found = whole.broken()
    click.echo(f"\nviolations: {len(whole.violations) or 'none'}")
    if found:
        heads = ("PROVIDER", "RULE", "SEVERITY", "TIMES", "FOR EXAMPLE")
        print_table(
            heads, [(b.provider, b.rule, b.severity, str(len(b.violations)), _example(b.violations[0])) for b in found]
        )
        show_rules([each.violations[0] for each in found])


def _print_names(kind: str, names: Sequence[str]) -> None:
    if names:
        click.echo(f"  {kind}: {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}" or "none"


def _example(violation: Mapping[str, Any]) -> str:
    return f"{violation['method']} {violation['path']}: {broken(violation)}"

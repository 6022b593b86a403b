"""The files that `mocksrv report` writes: JUnit XML, and one page that holds all it needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mocksrv import __version__
from mocksrv.cli.requests import broken
from mocksrv.engine.clock import iso, wall_ms
from mocksrv.engine.coverage import KINDS
from mocksrv.engine.violations import RULES
from mocksrv.providers import pages
from mocksrv.registry import declared
from mocksrv.reporting import Broken, Report

TEMPLATES = Path(__file__).with_name("templates")
STYLES = Path(pages.__file__).with_name("static") / "page.css"
URL = re.compile(r"(https?://\S*[^\s.,;:)])")  # in a text, without the punctuation after it
LISTED = 20  # ways in which a rule was broken


def as_junit(report: Report, fatal: Sequence[str], unmet: Sequence[str]) -> bytes:
    """A suite with a case for each rule of the providers that were called, and one for their coverage. What is broken
    fails where its severity is ``fatal``; ``unmet`` are the minima that were not reached.
    """
    suite = ElementTree.Element("testsuite", name="mocksrv")
    found = {(each.provider, each.rule): each for each in report.broken()}
    names = dict.fromkeys([*report.used, *(each.provider for each in found.values())])
    cases = [(provider, rule) for provider in names for rule in RULES if rule in declared(provider).rules]
    for provider, rule in dict.fromkeys([*cases, *found]):
        case = ElementTree.SubElement(suite, "testcase", classname=f"mocksrv.{provider}", name=rule)
        if (provider, rule) in found:
            _broken(case, found[provider, rule], fatal)
    coverage = ElementTree.SubElement(suite, "testcase", classname="mocksrv", name="coverage")
    if unmet:
        ElementTree.SubElement(coverage, "failure", message="; ".join(unmet))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)


def _broken(case: ElementTree.Element, rule: Broken, fatal: Sequence[str]) -> None:
    """What a case says of a rule that was broken."""
    lines = [f"{each['method']} {each['path']}: {broken(each)} ({times} times)" for each, times in rule.ways]
    told = "\n".join([*lines, "", f"mend: {rule.mend}", f"source: {rule.source}"])
    if rule.severity in fatal:
        failure = ElementTree.SubElement(case, "failure", message=f"{len(rule.violations)} times: {rule.text}")
        failure.text = _printable(told)
    else:
        ElementTree.SubElement(case, "system-out").text = _printable(told)


def _printable(text: str) -> str:
    """A text of somebody else's for XML, which has no place for what controls a terminal."""
    return "".join(each if each.isprintable() or each == "\n" else "�" for each in text)


def _many(number: int, noun: str, with_number: bool = False) -> str:
    """A noun for so many of its things."""
    return f"{f'{number} ' if with_number else ''}{noun}{'' if number == 1 else 's'}"


def _linked(text: str) -> Markup:
    """A text whose URLs are links."""
    link = Markup('<a href="{0}" rel="noopener">{0}</a>')
    return Markup().join(link.format(part) if place % 2 else part for place, part in enumerate(URL.split(text)))


def as_html(report: Report) -> str:
    """A page for people, in light and dark, that needs nothing else."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        broken=broken, title_of=lambda provider: declared(provider).title, many=_many, linked=_linked
    )
    return environment.get_template("report.html").render(
        report=report,
        styles=STYLES.read_text("utf-8"),
        kinds=KINDS,
        listed=LISTED,
        version=__version__,
        now=iso(wall_ms()),
    )

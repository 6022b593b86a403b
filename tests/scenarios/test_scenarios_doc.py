"""docs/scenarios.md says what the schema and the providers say, and its examples play as it shows.

``python -m tests.scenarios.test_scenarios_doc`` writes its tables and timelines anew.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from mocksrv.cli import main
from mocksrv.cli.library import open_library
from mocksrv.engine.problems import YamlError
from mocksrv.engine.scenarios import institutions
from mocksrv.engine.scenarios.parsing import SCHEMA
from tests.schema_tables import filled

DOCUMENT = Path(__file__).parents[2] / "docs" / "scenarios.md"
EXAMPLE = re.compile(r"```yaml\n# (\S+\.yaml)\n(.*?)```\n", re.DOTALL)
PLAYED = re.compile(r"(```console\n\$ mocksrv (scenarios [^\n]*)\n)(.*?)(```)", re.DOTALL)
FRAGMENT = re.compile(r"```yaml\n(- .*?)```\n", re.DOTALL)


def examples(text: str) -> dict[str, str]:
    """The files that the document shows, by name."""
    return {match[1]: match[2] for match in EXAMPLE.finditer(text)}


def played(text: str, folder: Path) -> str:
    """The document with what its commands print, run in a folder that has its files."""
    for name, content in examples(text).items():
        (folder / name).write_text(content, encoding="utf-8")

    def run(match: re.Match[str]) -> str:
        result = CliRunner().invoke(main, shlex.split(match[2]))
        shown = "\n".join(line.rstrip() for line in result.output.strip().splitlines())
        return f"{match[1]}{shown}\n{match[4]}"

    return PLAYED.sub(run, text)


def tables(text: str) -> str:
    local = open_library(())
    vocabularies = {name: role.vocabulary for name, role in local.roles.items()}
    head, mark, tail = text.partition("## Institutions of your own")
    return filled(head, SCHEMA, vocabularies) + mark + filled(tail, institutions.SCHEMA)


def test_the_tables_are_what_the_schemas_say() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert tables(text) == text


def test_every_rule_of_the_schema_has_its_table() -> None:
    shown = set(re.findall(r"<!-- keys (\w+) -->", DOCUMENT.read_text("utf-8").partition("## Institutions")[0]))
    tabled = {name for name, rule in SCHEMA.rules["$defs"].items() if "additionalProperties" in json.dumps(rule)}
    assert shown == {"file", *tabled}


def test_every_file_is_valid_and_plays_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = DOCUMENT.read_text("utf-8")
    assert played(text, tmp_path) == text
    checked = CliRunner().invoke(main, ["scenarios", "validate", "."])
    assert (checked.exit_code, checked.output) == (0, f"OK: {len(examples(text))} files, no faults\n")
    simulated = set(re.findall(r"scenarios simulate ([\w-]+)", text))
    assert simulated >= {name.removesuffix(".yaml") for name in examples(text) if "flows:" in examples(text)[name]}


def test_every_fragment_is_a_valid_step() -> None:
    library = open_library(()).library
    fragments = FRAGMENT.findall(DOCUMENT.read_text("utf-8"))
    assert len(fragments) >= 5
    for fragment in fragments:
        steps = "".join(f"    {line}\n" for line in fragment.splitlines())
        targets = set(re.findall(r"(?:then|right|wrong|silent|approved|denied|[A-Z]+): ([a-z]+)", fragment))
        flows = "".join(f"  {name}: [{{status: CONNECTED}}]\n" for name in sorted(targets - {"connect"}))
        try:
            library.parse(f"name: t\nprovider: mx\nflows:\n  connect:\n{steps}{flows}", "t.yaml")
        except YamlError as error:
            pytest.fail(f"{fragment}\n{error}")


if __name__ == "__main__":
    import os

    with TemporaryDirectory() as folder:
        os.chdir(folder)
        DOCUMENT.write_text(played(tables(DOCUMENT.read_text("utf-8")), Path(folder)), "utf-8")

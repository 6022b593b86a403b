"""Institutions of the user's own: files beside the scenarios, their faults, and the scenario that they choose."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mocksrv.engine.sandbox import Settings
from mocksrv.engine.scenarios import library as module
from mocksrv.engine.scenarios.choosing import Credentials, choose, choose_again
from mocksrv.engine.scenarios.institutions import SCHEMA, OwnCredential, OwnInstitution
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.vocabulary import Vocabulary

BANK = Vocabulary(
    "bank",
    statuses=frozenset({"OPEN"}),
    flows=frozenset({"connect"}),
    events=frozenset(),
    happy="opens",
    products=frozenset({"transactions", "statements"}),
)
GRINGOTTS = """\
provider: bank
code: gringotts
name: Gringotts Wizarding Bank
url: https://www.gringotts.example
credentials:
  - {name: LOGIN, label: Vault, type: LOGIN}
  - {name: PIN, label: Key, type: PASSWORD}
products: [transactions]
scenario: slow
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "LOOK_EVERY", 0)
    (tmp_path / "bundled/bank").mkdir(parents=True)
    (tmp_path / "own/banks").mkdir(parents=True)
    for name in ("opens", "usual"):
        scenario(tmp_path / "bundled/bank", name)
    return tmp_path / "own"


def scenario(folder: Path, name: str, more: str = "") -> None:
    text = f"name: {name}\nprovider: bank\n{more}flows: {{connect: [{{status: OPEN}}]}}\n"
    (folder / f"{name}.yaml").write_text(text)


def write(folder: Path, text: str, name: str = "gringotts") -> Path:
    path = folder / "banks" / f"{name}.institution.yaml"
    path.write_text(text)
    return path


def open_library(folder: Path) -> Library:
    return Library(folder.parent / "bundled", [folder], {"bank": BANK})


def messages(library: Library) -> list[str]:
    return [f"{Path(each.file).name}:{each.line}:{each.column}: {each.message}" for each in library.problems]


def test_a_file_becomes_an_institution_and_no_scenario(folder: Path) -> None:
    scenario(folder, "slow")
    write(folder, GRINGOTTS)
    write(folder, "provider: bank\ncode: plain\nname: Plain\noauth: true\n", "plain")
    library = open_library(folder)
    assert library.problems == []
    assert library.names("bank") == ["opens", "slow", "usual"]
    assert library.institutions("bank") == {
        "gringotts": OwnInstitution(
            provider="bank",
            code="gringotts",
            name="Gringotts Wizarding Bank",
            url="https://www.gringotts.example",
            credentials=(OwnCredential("LOGIN", "Vault", "LOGIN"), OwnCredential("PIN", "Key", "PASSWORD")),
            products=("transactions",),
            scenario="slow",
        ),
        "plain": OwnInstitution(provider="bank", code="plain", name="Plain", oauth=True),
    }
    assert library.institutions("nobody") == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("code: gringotts\n", "", "1:1: an institution needs 'code'"),
        ("provider: bank", "provider: bnak", "1:11: unknown provider 'bnak'; did you mean 'bank'? Allowed: bank"),
        ("code: gringotts", "code: mock_opens", "2:7: 'code' cannot be 'mock_opens': write 1 to 64 letters, digits"),
        ("url: https", "url: ftp", "4:6: 'url' cannot be 'ftp://www.gringotts.example': write an HTTP URL"),
        ("type: LOGIN", "type: LOGINS", "6:39: 'type' cannot be 'LOGINS'; did you mean 'LOGIN'? Allowed: LOGIN, "),
        ("name: PIN", "name: LOGIN", "7:12: the credential 'LOGIN' is written twice"),
        ("[transactions]", "[statments]", "8:12: unknown product 'statments'; did you mean 'statements'?"),
        ("scenario: slow", "scenario: usul", "9:11: there is no scenario 'usul'; did you mean 'usual'?"),
        ("url:", "oauth: true\nurl:", "6:1: an institution with 'oauth' has no 'credentials'"),
        ("name: Gringotts", "nam: Gringotts", "3:1: unknown key 'nam' in an institution; did you mean 'name'?"),
    ],
)
def test_a_fault_says_where_and_what_and_the_file_is_left_out(folder: Path, old: str, new: str, said: str) -> None:
    scenario(folder, "slow")
    path = write(folder, GRINGOTTS.replace(old, new, 1))
    library = open_library(folder)
    assert library.institutions("bank") == {}
    assert [message[: len(f"{path.name}:{said}")] for message in messages(library)] == [f"{path.name}:{said}"]
    assert [str(each) for each in library.check([path])] == [str(each) for each in library.problems]


def test_a_code_belongs_to_one_file(folder: Path) -> None:
    scenario(folder, "slow")
    first = write(folder, GRINGOTTS, "a")
    write(folder, GRINGOTTS, "b")
    library = open_library(folder)
    assert len(library.institutions("bank")) == 1
    assert messages(library) == [f"b.institution.yaml:2:7: the code 'gringotts' is taken by {first}"]


def test_changed_files_are_seen_and_a_bad_version_changes_nothing(folder: Path) -> None:
    path = write(folder, GRINGOTTS)
    library = open_library(folder)
    assert messages(library)[0].startswith("gringotts.institution.yaml:9:11: there is no scenario 'slow'")
    scenario(folder, "slow")
    assert library.refresh()
    assert [each.name for each in library.institutions("bank").values()] == ["Gringotts Wizarding Bank"]
    write(folder, GRINGOTTS.replace("Wizarding ", "").replace("products", "prodcts"))
    assert library.refresh()
    assert "unknown key 'prodcts'" in messages(library)[0]
    assert [each.name for each in library.institutions("bank").values()] == ["Gringotts Wizarding Bank"]
    path.unlink()
    assert library.refresh()
    assert (library.institutions("bank"), library.problems) == ({}, [])


def test_its_scenario_counts_after_logins_and_before_the_default(folder: Path) -> None:
    scenario(folder, "slow")
    scenario(folder, "harry", "logins: [{institution: gringotts, username: harry}]\n")
    write(folder, GRINGOTTS)
    library = open_library(folder)
    world: Any = SimpleNamespace(sandbox=SimpleNamespace(settings=Settings(default="usual"), scenarios=library))

    def chosen(code: str, username: str, header: str | None = None) -> tuple[str, str]:
        login = Credentials(code, username, "secret")
        return choose(world, BANK, header=header, institution=None, login=login)

    assert chosen("gringotts", "harry") == ("harry", "login")
    assert chosen("gringotts", "ron") == ("slow", "own")
    assert chosen("elsewhere", "ron") == ("usual", "default")
    assert chosen("gringotts", "ron", header="opens") == ("opens", "header")
    present = choose(world, BANK, header=None, institution=None, login=Credentials("gringotts", "ron", None))
    again = choose_again(world, BANK, present, header=None, login=Credentials("elsewhere", "ron", None))
    assert again == ("usual", "default")


def test_the_schema_explains_every_key() -> None:
    Draft202012Validator.check_schema(SCHEMA.rules)
    for rule in (SCHEMA.rules, *SCHEMA.rules["$defs"].values()):
        assert all(value["description"] for value in rule["properties"].values())

"""`mocksrv scenarios`: what is there, what is wrong with a file, and what a scenario does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from mocksrv.cli import main
from mocksrv.engine.scenarios.parsing import SCHEMA
from mocksrv.engine.yamlnodes import read
from tests.cli.running import ROOT, mocksrv

MX = sorted(file.stem for file in (ROOT / "scenarios/mx").glob("*.yaml"))
PLAIN = {"finicity/mfa", "mono/reauthorisation-required", "challenged-twice"}  # one of each provider in a plain run
OTHERS = sorted(
    f"{file.parent.name}/{file.stem}"
    for provider in ("mono", "finicity")
    for file in (ROOT / "scenarios" / provider).glob("*.yaml")
)
ALL = list((ROOT / "scenarios").rglob("*.yaml"))
COUNTING = """\
name: counting
provider: mx
flows:
  connect:
    - status: CREATED
    - {after: 3 polls, status: CONNECTED, webhooks: {drop: true}}
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def scenarios(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["scenarios", *arguments], catch_exceptions=False)


def played(*arguments: str) -> dict[str, Any]:
    """A simulation, as programs get it."""
    result = scenarios("simulate", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def statuses(simulation: dict[str, Any]) -> list[tuple[str, str]]:
    """When which status was entered."""
    return [(row["offset"], row["status"]) for row in simulation["timeline"] if row.get("status")]


def test_list_is_a_table() -> None:
    lines = scenarios("list").output.splitlines()
    assert lines[0].split() == ["NAME", "PROVIDER", "SUMMARY"]
    assert [line.split()[0] for line in lines[1:] if line.split()[1] == "mx"] == MX
    assert len(lines) == 1 + len(ALL)
    column = lines[0].index("SUMMARY")
    assert all(line[column - 1] == " " != line[column] for line in lines[1:])


def test_list_is_json_for_programs() -> None:
    Path("mine.yaml").write_text(
        "name: mine\nprovider: mx\nsummary: My own.\nextends: connected\nflows:\n  update: [{status: DENIED}]\n"
    )
    listed = json.loads(scenarios("list", "--scenarios", ".", "--json").output)  # as GET /scenarios
    assert listed["problems"] == []
    [mine] = [each for each in listed["scenarios"] if each["name"] == "mine"]
    assert mine == {
        "name": "mine",
        "provider": "mx",
        "summary": "My own.",
        "extends": "connected",
        "file": "mine.yaml",
        "flows": ["update"],
    }


def test_show_prints_the_script_and_its_diagram() -> None:
    output = scenarios("show", "challenged").output
    assert (ROOT / "scenarios/mx/challenged.yaml").read_text().rstrip() in output
    assert "stateDiagram-v2\n    [*] -->" in output
    shown = json.loads(scenarios("show", "challenged", "--json").output)  # as GET /scenarios/challenged
    assert (shown["name"], shown["provider"]) == ("challenged", "mx")
    assert shown["text"] == (ROOT / "scenarios/mx/challenged.yaml").read_text()


def test_schema_knows_the_words_and_takes_the_bundled_files() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(scenarios("schema").output))
    script = SCHEMA.values(read((ROOT / "scenarios/mx/challenged.yaml").read_bytes(), "challenged.yaml").root)
    assert list(validator.iter_errors(script)) == []
    script["flows"]["connect"][0]["status"] = "CONECTED"
    assert [list(error.absolute_path) for error in validator.iter_errors(script)] == [["flows", "connect", 0, "status"]]


# validate


def test_schema_of_data_profiles() -> None:
    printed = json.loads(scenarios("schema", "profile").output)
    assert printed["title"] == "a data profile"
    assert not list(jsonschema.Draft202012Validator(printed).iter_errors({"accounts": {}}))
    assert list(jsonschema.Draft202012Validator(printed).iter_errors({"acounts": {}}))


def test_validate_says_ok_in_one_line() -> None:
    result = scenarios("validate", str(ROOT / "scenarios"))
    assert (result.exit_code, result.output) == (0, f"OK: {len(ALL)} files, no faults\n")


def test_validate_names_every_fault_of_all_files() -> None:
    Path("one.yaml").write_text(
        "name: one\nprovider: mx\nflows:\n  connect:\n    - {status: CONECTED, then: nowhere}\n"
    )
    Path("two.yaml").write_text("name: two\nprovider: mx\nflows:\n  connect:\n    - after: soon\n")
    result = scenarios("validate", "one.yaml", "two.yaml")
    places = [":".join(line.split(":")[:3]) for line in result.output.splitlines()]
    assert result.exit_code == 1
    assert places == ["one.yaml:5:16", "one.yaml:5:32", "two.yaml:5:14"]
    assert len(json.loads(scenarios("validate", "one.yaml", "two.yaml", "--json").output)["problems"]) == 3


def test_validate_wants_files_that_are_there() -> None:
    result = scenarios("validate", "nothing.yaml")
    assert (result.exit_code, result.output) == (1, "mocksrv: there is no file nothing.yaml\n")
    assert scenarios("validate").exit_code == 2


# new


def test_new_writes_a_valid_file_that_plays() -> None:
    assert scenarios("new", "my-bank").exit_code == 0
    assert scenarios("validate", "my-bank.yaml").output == "OK: 1 file, no faults\n"
    assert played("my-bank")["status"] == "CONNECTED"


def test_new_refuses_to_overwrite() -> None:
    Path("my-bank.yaml").write_text("mine")
    result = scenarios("new", "my-bank")
    assert (result.exit_code, result.output) == (1, "mocksrv: my-bank.yaml exists already; nothing was written\n")
    assert Path("my-bank.yaml").read_text() == "mine"


@pytest.mark.parametrize("arguments", [["../x"], ["a b"], ["x", "--provider", "plaid"]])
def test_new_refuses_what_cannot_be_a_scenario(arguments: list[str]) -> None:
    assert scenarios("new", *arguments).exit_code == 2
    assert list(Path.cwd().iterdir()) == []


# simulate


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in PLAIN else pytest.mark.slow) for name in (*MX, *OTHERS)]
)
def test_every_bundled_scenario_can_be_simulated(name: str) -> None:
    simulation = played(name)
    assert simulation["rests"]
    assert any(row.get("callbacks") for row in simulation["timeline"])


def test_simulate_shows_time_status_flags_and_callbacks() -> None:
    output = scenarios("simulate", "challenged").output
    assert output.splitlines()[2].split() == ["TIME", "STATUS", "FLAGS", "CALLBACKS"]
    rows = [" ".join(line.split()) for line in output.splitlines()[3:]]
    assert "+1s CHALLENGED aggregating mx.member.updated, mx.connection_status.changed" in rows
    assert "+1s > PUT .../resume: correct" in rows
    assert "+2s CONNECTED authenticated mx.member.updated, mx.aggregation" in rows
    assert rows[-1] == "Ends with CONNECTED."


def test_answers_choose_the_branch() -> None:
    wrong_then_right = statuses(played("challenged", "--answer", "wrong"))
    assert [status for _, status in wrong_then_right] == [
        "CREATED",
        "CHALLENGED",
        "RESUMED",
        "REJECTED",
        "CHALLENGED",
        "RESUMED",
        "CONNECTED",
    ]
    assert statuses(played("challenged", "--answer", ""))[-1] == ("+10m1s", "EXPIRED")
    assert statuses(played("challenged-twice", "--answer", "phone-77|ball"))[3][1] == "REJECTED"


def test_oauth_chooses_the_branch() -> None:
    assert statuses(played("connected", "--oauth", "approve"))[-1] == ("+2s", "CONNECTED")
    assert statuses(played("connected", "--oauth", "deny"))[-1] == ("+1h", "deleted")


def test_for_limits_and_prolongs_the_play() -> None:
    assert played("slow", "--for", "1m")["status"] == "DELAYED"
    assert not played("slow", "--for", "1m")["rests"]
    assert statuses(played("connected", "--for", "3d"))[-1] == ("+2d4s", "CONNECTED")


def test_polls_count_a_second_each_and_dropped_callbacks_are_said() -> None:
    Path("counting.yaml").write_text(COUNTING)
    simulation = played("counting.yaml")
    assert statuses(simulation) == [("+0s", "CREATED"), ("+3s", "CONNECTED")]
    assert "mx.member.updated (dropped)" in scenarios("simulate", "counting").output


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["challengd"], 1, "mocksrv: there is no scenario 'challengd'; did you mean challenged"),
        (["zzzzzz"], 1, "mocksrv: there is no scenario 'zzzzzz'; 'mocksrv scenarios list' shows them all"),
        (["./none.yaml"], 1, "mocksrv: there is no file ./none.yaml"),
        (["connected", "--for", "5x"], 2, "mocksrv scenarios simulate: --for: '5x' is not a duration"),
        (
            ["connected", "--scenarios", "nowhere"],
            2,
            "mocksrv scenarios simulate: --scenarios: 'nowhere' is not a folder",
        ),
    ],
)
def test_simulate_says_what_it_cannot_play(arguments: list[str], status: int, message: str) -> None:
    result = scenarios("simulate", *arguments)
    assert result.exit_code == status
    assert result.output.startswith(message)
    assert result.output.count("\n") == 1


def test_a_faulty_file_is_not_played() -> None:
    Path("bad.yaml").write_text("name: bad\nprovider: mx\nflows:\n  connect:\n    - status: CONECTED\n")
    result = scenarios("simulate", "bad.yaml")
    assert result.exit_code == 1
    assert result.output.startswith("bad.yaml:5:15: unknown status 'CONECTED'")


@pytest.mark.parametrize("command", ["simulate", "show"])
def test_a_faulty_file_of_a_folder_is_named_with_its_fault(command: str) -> None:
    Path("own/team").mkdir(parents=True)
    Path("own/team/mine.yaml").write_text("name: bad\nprovider: mx\nflows:\n  connect:\n    - status: CONECTED\n")
    result = scenarios(command, "bad", "--scenarios", "own")
    assert result.exit_code == 1
    assert result.output.startswith("own/team/mine.yaml:5:15: unknown status 'CONECTED'; did you mean 'CONNECTED'?")


def test_help_needs_no_arguments() -> None:
    assert "simulate" in scenarios().output
    assert "serve" in CliRunner().invoke(main, []).output


def test_commands_run_as_a_process(tmp_path: Path) -> None:
    assert mocksrv("--version", cwd=tmp_path).stdout.startswith("mocksrv 0.")
    done = mocksrv("srve", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("mocksrv: ")
    assert done.stderr.count("\n") == 1
    assert "srve" in done.stderr


def test_validate_knows_the_data_profiles_beside_a_scenario_and_checks_them(tmp_path: Path) -> None:
    (tmp_path / "rich.yaml").write_text(
        "name: rich\nprovider: mx\nflows: {connect: [{status: CONNECTED, data: mine}]}\n"
    )
    profile = tmp_path / "mine.profile.yaml"
    profile.write_text("accounts:\n  checking: {type: CHECKING, name: Mine, balance: 5}\n")
    good = scenarios("validate", str(tmp_path))
    assert (good.exit_code, good.stdout) == (0, "OK: 2 files, no faults\n")
    profile.write_text("accounts:\n  checking: {type: CHECKING, name: Mine, balnce: 5}\n")
    bad = scenarios("validate", str(tmp_path))
    assert (bad.exit_code, "mine.profile.yaml:2:" in bad.stdout) == (1, True)


def test_what_the_user_does_at_the_bank_comes_before_the_scenarios_own_answer() -> None:
    assert "CONNECTED" not in scenarios("simulate", "oauth", "--oauth", "deny").stdout


def test_a_new_scenario_does_not_take_a_bundled_name() -> None:
    refused = scenarios("new", "connected")
    assert (refused.exit_code, "extends: connected" in refused.stderr) == (2, True)


def test_simulate_plays_a_mono_account_and_a_finicity_session() -> None:
    assert statuses(played("synced")) == [("+0s", "PROCESSING"), ("+1s", "AVAILABLE"), ("+12h", "AVAILABLE")]
    assert "> POST /_mocksrv/mono/connect: synced" in scenarios("simulate", "synced").output
    assert [status for _, status in statuses(played("fix"))][-2:] == ["processing", "done"]
    assert played("finicity/oauth")["provider"] == "finicity"


def test_answers_choose_the_branch_of_a_finicity_session() -> None:
    asked_twice = [status for _, status in statuses(played("mfa", "--answer", "mfa", "--answer", "fail"))]
    assert asked_twice[-4:] == ["mfaUpdated", "mfa", "mfaUpdated", "invalidCredentials"]
    assert statuses(played("mfa", "--answer", ""))[-1] == ("+10m", "unableToConnect")


def test_days_of_other_providers_can_be_simulated() -> None:
    assert len([row for row in played("synced", "--for", "4d")["timeline"] if row.get("callbacks")]) == 6
    assert played("connect-full", "--for", "3d")["rests"]


def test_who_denies_at_the_bank_of_a_finicity_session_is_said_by_the_scenario() -> None:
    refused = scenarios("simulate", "finicity/oauth", "--oauth", "deny")
    assert (refused.exit_code, "auto: deny" in refused.stderr) == (2, True)

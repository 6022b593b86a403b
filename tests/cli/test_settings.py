"""Where settings come from, what they mean, and what is said when they are wrong."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mocksrv.cli.settings import resolve
from mocksrv.cli.settings_schema import file_schema
from mocksrv.engine.config import TEMPORARY
from mocksrv.settings import SETTINGS, Setting, SettingError, WholeNumber
from tests.cli.running import ROOT, mocksrv

# setting, a wrong text, what the message says
WRONG = [
    ("port", "99999", "'99999' is not a port; allowed are 0 to 65535"),
    ("port", "http", "'http' is not a port; allowed are 0 to 65535"),
    ("threads", "0", "'0' is not a number of threads; allowed are 1 to 512"),
    ("host", "a b", "a value of visible ASCII characters without spaces is wanted"),
    (
        "webhook_url",
        "localhost:3000",
        "'localhost:3000' is not an HTTP URL; write for example http://localhost:3000/webhooks",
    ),
    (
        "webhook_url",
        "http://localhost:99999/",
        "'http://localhost:99999/' is not an HTTP URL; write for example http://localhost:3000/webhooks",
    ),
    (
        "webhook_url",
        "http://[::1/",
        "'http://[::1/' is not an HTTP URL; write for example http://localhost:3000/webhooks",
    ),
    (
        "webhook_url",
        "http://me:pw@localhost/",
        "'http://me:pw@localhost/' has a user or a '#' part; a URL here has neither",
    ),
    (
        "webhook_url",
        "http://8.8.8.8/x",
        "callbacks go to loopback and private addresses only; --allow-callbacks 8.8.8.8 allows it",
    ),
    (
        "database",
        "mysql://me:secret@localhost/x",
        "mysql:// is no database; give the name of a file, sqlite:///FILE, or postgresql://…",
    ),
    ("database", ".", "'.' is a folder; give the name of a file"),
    ("strict", "perhaps", "'perhaps' is neither true nor false"),
    ("quiet", "perhaps", "'perhaps' is neither true nor false"),
    ("log_format", "xml", "'xml' is not allowed; allowed are text and json"),
    ("clock", "fast", "'fast' is not a clock; allowed are real, manual, or a speed such as x60"),
    ("clock", "x0", "'x0' is not a clock; allowed are real, manual, or a speed such as x60"),
    ("now", "tomorrow", "'tomorrow' is not a moment; write ISO 8601, for example 2026-01-01T12:00:00Z"),
    ("seed", "seven", "'seven' is not a seed; allowed are -9007199254740991 to 9007199254740991"),
    ("fidelity", "exact", "'exact' is not allowed; allowed are sdk and wire"),
    (
        "public_url",
        "https://x.example/?a=1",
        "'https://x.example/?a=1' has a query; this is the beginning of all handed-out links",
    ),
    ("control_from", "anywhere", "'anywhere' is not allowed; allowed are loopback and private"),
    ("control_token", "two words", "a value of visible ASCII characters without spaces is wanted"),
    ("client_id", "a:b", "a client id has no ':', it is sent as HTTP Basic credentials"),
]


def refused(options: dict[str, Any], variables: dict[str, str], folder: Path) -> str:
    with pytest.raises(SettingError) as error:
        resolve(options, variables, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_defaults(tmp_path: Path) -> None:
    config = resolve({}, {}, tmp_path)
    assert {setting.key for setting in SETTINGS} == set(config._fields)
    assert (config.host, config.port, config.threads, config.clock) == ("127.0.0.1", 8484, 32, "real")
    assert (config.scenarios, config.allow_callbacks, config.webhook_url, config.seed) == (
        (),
        (),
        None,
        None,
    )


def test_options_win_over_variables_and_variables_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text("port: 1\nthreads: 1\nseed: 1\n")
    config = resolve({"port": "3"}, {"MOCKSRV_PORT": "2", "MOCKSRV_THREADS": "2"}, tmp_path)
    assert (config.port, config.threads, config.seed) == (3, 2, 1)


def test_a_file_may_use_lists_dashes_and_plain_values(tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text(
        "allow-callbacks: [a.example, '*.b.example']\nstrict: true\nnow: 2026-01-01T12:00:00Z\nclient_id: "
        "me\napi_key: 0123\ndatabase:\n"
    )
    config = resolve({}, {}, tmp_path)
    assert config.allow_callbacks == ("a.example", "*.b.example")
    assert (config.strict, config.now, config.api_key, config.database) == (
        True,
        1_767_268_800_000,
        "0123",
        TEMPORARY,
    )


def test_several_values_in_a_variable(tmp_path: Path) -> None:
    assert resolve({}, {"MOCKSRV_ALLOW_CALLBACKS": "a.example, b.example,"}, tmp_path).allow_callbacks == (
        "a.example",
        "b.example",
    )


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert resolve({}, {"MOCKSRV_PORT": " ", "MOCKSRV_WEBHOOK_URL": ""}, tmp_path).port == 8484


def test_a_switch_can_be_taken_back(tmp_path: Path) -> None:
    assert resolve({"strict": False}, {"MOCKSRV_STRICT": "yes"}, tmp_path).strict is False


@pytest.mark.parametrize(("key", "text", "message"), WRONG)
def test_wrong_values_are_named_with_their_place(key: str, text: str, message: str, tmp_path: Path) -> None:
    option = "--" + key.replace("_", "-")
    assert refused({key: text}, {}, tmp_path) == f"{option}: {message}"
    place = option if "8.8.8.8" in text else f"MOCKSRV_{key.upper()}"
    assert refused({}, {f"MOCKSRV_{key.upper()}": text}, tmp_path) == f"{place}: {message}"
    (tmp_path / "mocksrv.yaml").write_text(
        f"host: localhost\n{key}: '{text}'\n" if key != "host" else f"#\n{key}: '{text}'\n"
    )
    place = option if "8.8.8.8" in text else f"mocksrv.yaml:2: {key}"
    assert refused({}, {}, tmp_path) == f"{place}: {message}"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert refused({"scenarios": ("nowhere",)}, {}, tmp_path) == "--scenarios: 'nowhere' is not a folder"


def test_a_public_address_may_be_allowed(tmp_path: Path) -> None:
    options = {"webhook_url": "http://8.8.8.8/x", "allow_callbacks": ("8.8.*",)}
    assert resolve(options, {}, tmp_path).webhook_url == "http://8.8.8.8/x"


@pytest.mark.parametrize("options", [{"client_id": "me"}, {"api_key": "secret"}])
def test_half_a_pair_of_credentials(options: dict[str, str], tmp_path: Path) -> None:
    assert refused(options, {}, tmp_path) == "--client-id and --api-key belong together: give both or none"


def test_workers_without_a_database_that_they_share(tmp_path: Path) -> None:
    told = refused({"workers": "2"}, {}, tmp_path)
    assert told == "--workers: several processes share a database: give --database"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot: 1\n", "mocksrv.yaml:1: prot is not a setting; did you mean port?"),
        ("- port\n", "mocksrv.yaml:1:1: settings are written as 'key: value', for example 'port: 9000'"),
        ("port: [1, 2]\n", "mocksrv.yaml:1: port: a single value is wanted"),
        ("scenarios: {a: b}\n", "mocksrv.yaml:1: scenarios: a text or a list of texts is wanted"),
        ("port: 1\nport: 2\n", "mocksrv.yaml:2:1: "),
        ("port: {", "mocksrv.yaml:"),
        ("\tport: 1\n", "mocksrv.yaml:1:1: tabs are not allowed"),
    ],
)
def test_a_file_with_faults(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text(text)
    assert refused({}, {}, tmp_path).startswith(message)


@settings(deadline=None)
@given(st.sampled_from(SETTINGS), st.text(max_size=30))
def test_no_text_raises_anything_but_the_documented_error(setting: Any, text: str) -> None:
    with suppress(SettingError):
        resolve({setting.key: (text,) if setting.many else text}, {}, Path("/nonexistent"))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_file_raises_anything_but_the_documented_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "mocksrv.yaml").write_bytes(data)
    with suppress(SettingError):
        resolve({}, {}, folder)


@pytest.mark.parametrize("text", ["", "# port: 9\n", "\n   # nothing yet\n"])
def test_a_file_of_comments_says_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text(text)
    assert resolve({}, {}, tmp_path).port == 8484


# the schema of mocksrv.yaml


WRITTEN = re.search(
    r"```yaml\n(# mocksrv\.yaml\n.*?)```", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.DOTALL
)


def faults(text: str) -> list[str]:
    """What an editor says of a file."""
    rules = json.loads(mocksrv("scenarios", "schema", "settings", cwd=ROOT).stdout)
    return [error.json_path for error in jsonschema.Draft202012Validator(rules).iter_errors(yaml.safe_load(text))]


def test_the_schema_takes_the_file_that_the_page_shows() -> None:
    assert WRITTEN is not None
    assert faults(WRITTEN[1]) == []


SCHEMA = jsonschema.Draft202012Validator(file_schema())


@pytest.mark.parametrize(
    "text",
    [
        "port: 65536",
        "port: eighty",
        "strict: perhaps",
        "strict: 2",
        "fidelity: exact",
        "colour: blue",
        "sandboxes: 0",
        "log-format: xml",
        "workers: [1]",
        "host: a b",
        "clock: fast",
        "clock: x0.0",
        "clock: 60",
        "now: tomorrow",
        "now: 5",
        "now: 1979-12-31T12:00",
        "seed: seven",
        "sandbox_idle: 5 minutes",
        "sandbox_idle: 90",
        "keep_for: for ever",
        "webhook_url: localhost:3000",
        "webhook_url: http://me:pw@localhost/",
        "webhook_url: http://localhost:99999/",
        "webhook_url: 'http://localhost/#top'",
        "public_url: https://x.example/?a=1",
        "database: mysql://localhost/x",
        "allow_host: [a, 'b c']",
        "control_from: anywhere",
        "control_token: two words",
        "client_id: 'a:b'",
        "tls: 'no'",
    ],
)
def test_an_editor_and_the_server_refuse_the_same(text: str, tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingError):
        resolve({}, {}, tmp_path)
    assert not SCHEMA.is_valid(yaml.load(text, EditorsLoader))


@pytest.mark.parametrize(
    "text",
    [
        "port: 0",
        "port: null",
        "webhook-url: http://localhost:3000",
        "webhook-url: HTTPS://[::1]:3000?a=b",
        "public_url: https://x.example/mock/",
        "allow_host: [a, b]",
        "allow-host: '*.a'",
        "seed: -7",
        "quiet: true",
        "quiet: 'On'",
        "quiet: 0",
        "clock: x0.5",
        "clock: manual",
        "now: 2026-01-01T12:00:00Z",
        "now: 20260101",
        "now: 2026-W07-1",
        "sandbox_idle: 1h30m",
        "keep_for: 1.5d",
        "database: state.db",
        "database: sqlite:///state.db",
        "database: postgresql://me@localhost/mock",
        "database:",
        "control_token: 1234",
        "tls: self",
    ],
)
def test_an_editor_and_the_server_take_the_same(text: str, tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text(text, encoding="utf-8")
    resolve({}, {}, tmp_path)
    assert [error.json_path for error in SCHEMA.iter_errors(yaml.load(text, EditorsLoader))] == []


class EditorsLoader(yaml.SafeLoader):
    """Leaves moments as texts, as YAML 1.2 has them."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


PIECES = [
    "http://",
    "https://",
    "a",
    "b.c",
    ":",
    "80",
    "/",
    "?",
    "x",
    "0",
    "1",
    ".",
    "5",
    "real",
    "manual",
    "2026-01-01",
]
TEXTS = st.one_of(
    st.text(max_size=5),
    st.text("ab:./?*x0158mhd-T@# ", max_size=12),
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.sampled_from([text for _, text, _ in WRONG] + ["loopback", "self", "text", "wire", "yes", "OFF"]),
).filter(lambda text: "\n" not in text)  # Python's $ is before the last one, too, that of editors is not
COMPARED = [setting for setting in SETTINGS if not isinstance(setting.read, WholeNumber)]
NUMBERS = [setting for setting in SETTINGS if isinstance(setting.read, WholeNumber)]


@settings(deadline=None)
@given(st.sampled_from(COMPARED), TEXTS)
def test_an_editor_refuses_a_text_where_the_server_does(setting: Setting, text: str) -> None:
    """But for texts that name files, which only the server looks for, and for durations that are too short."""
    try:
        setting.read(text)
    except ValueError as error:
        refused = not any(told in str(error) for told in ("folder", "not a file", "is less than", "than ten years"))
    else:
        refused = False
    assert SCHEMA.is_valid({setting.key: text}) is not refused


@settings(deadline=None)
@given(st.sampled_from(NUMBERS), st.integers(-(2**60), 2**60) | st.integers(-2, 600))
def test_an_editor_takes_a_number_where_the_server_does(setting: Setting, number: int) -> None:
    try:
        setting.read(str(number))
    except ValueError:
        taken = False
    else:
        taken = True
    assert SCHEMA.is_valid({setting.key: number}) is taken

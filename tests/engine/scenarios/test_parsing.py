"""The scenario language: what a file becomes, and what is said about one that is wrong."""

import base64
import json
import random
import re
import time
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocksrv.engine import yamlnodes as yamlfile
from mocksrv.engine.problems import Problem, YamlError
from mocksrv.engine.scenarios.diagram import mermaid
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.model import Ask, Challenge, Consent, Option, Scenario
from mocksrv.engine.scenarios.own import SandboxScenarios
from mocksrv.engine.scenarios.parsing import parse, schema, template
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from tests.properties import examples

MX = Vocabulary(
    provider="mx",
    statuses=frozenset({"CREATED", "CHALLENGED", "RESUMED", "CONNECTED", "REJECTED", "EXPIRED", "PENDING", "DELAYED"}),
    flows=frozenset({"connect", "verify", "oauth", "update", "aggregate"}),
    events=frozenset({"mx.aggregation", "mx.balance"}),
    happy="connected",
    fields={
        "connection_status_message": {"type": ["string", "null"]},
        "needs_updated_credentials": {"type": "boolean"},
    },
    asking="CHALLENGED",
    options=frozenset({"accounts"}),
    profiles=lambda: frozenset({"everyday", "empty"}),
)
MONO = Vocabulary("mono", frozenset({"AVAILABLE"}), frozenset({"link"}), frozenset({"mono.account_synced"}), "synced")
BOTH = {"mx": MX, "mono": MONO}

CHALLENGED = """\
name: challenged                 # unique within the provider
provider: mx
summary: One text question; the right answer connects, a wrong one is asked again.
logins:
  - {institution: mxbank, username: mxuser, password: challenge}

flows:
  connect:
    - status: CREATED
    - {after: 1s, then: ask}
  ask:
    - status: CHALLENGED
      challenges:
        - {type: TEXT, label: "What city were you born in?", answer: correct}
      wait: 5m
      right: accepted
      wrong: rejected
      silent: expired
      answers: {0123: expired, no: rejected}
  accepted:
    - status: RESUMED
    - {after: 1s, status: CONNECTED, data: everyday}
  rejected:
    - status: RESUMED
    - {after: 1s, status: REJECTED}
    - {after: 3 polls, then: ask}
  expired:
    - status: EXPIRED
"""


def scenario(text: str, file: str = "t.yaml") -> Scenario:
    return parse(text, file=file, vocabularies=BOTH)


def steps(body: str) -> Scenario:
    """The scenario whose flow ``connect`` is the given list."""
    return scenario(f"name: t\nprovider: mx\nflows:\n  connect:\n{body}")


def faults(text: str | bytes) -> list[str]:
    """What is wrong with a text, without the file's name."""
    with pytest.raises(YamlError) as caught:
        parse(text, file="t.yaml", vocabularies=BOTH)
    return [str(problem).removeprefix("t.yaml:") for problem in caught.value.problems]


def test_a_file_becomes_a_scenario() -> None:
    read = scenario(CHALLENGED)
    assert (read.name, read.provider, read.extends, read.file) == ("challenged", "mx", None, "t.yaml")
    assert read.text == CHALLENGED
    assert [(login.institution, login.username, login.password, login.line) for login in read.logins] == [
        ("mxbank", "mxuser", "challenge", 5)
    ]
    assert list(read.flows) == ["connect", "ask", "accepted", "rejected", "expired"]
    first, second = read.flows["connect"]
    assert (first.flow, first.index, first.line, first.status, first.waits) == ("connect", 0, 9, "CREATED", False)
    assert (second.index, second.line, second.after_ms, second.then, second.waits) == (1, 10, 1000, "ask", True)
    assert read.flows["rejected"][2].after_polls == 3
    assert read.flows["accepted"][1].data == "everyday"


def test_a_question() -> None:
    [step] = scenario(CHALLENGED).flows["ask"]
    assert step.ask == Ask(
        (Challenge("TEXT", "What city were you born in?", ("correct",)),),
        wait_ms=300_000,
        right="accepted",
        wrong="rejected",
        silent="expired",
        answers={"0123": "expired", "no": "rejected"},
    )
    assert ("0123", "expired") in step.targets()
    assert ("right", "accepted") in step.targets()


def test_options_are_texts_mappings_or_the_name_of_a_list() -> None:
    [step] = steps("""
    - challenges:
      - {type: OPTIONS, label: Which?, options: [yes, {label: Two, value: 02}, {label: 3}], answer: [02, Two]}
      - {type: OPTIONS, label: Account?, options: accounts, answer: any}
      - {type: TOKEN, label: Code?, field_name: token}
    """).flows["connect"]
    assert step.ask
    assert [challenge.options for challenge in step.ask.challenges] == [
        (Option("yes", "yes"), Option("Two", "02"), Option("3", "3")),
        "accounts",
        None,
    ]
    assert [challenge.answer for challenge in step.ask.challenges] == [("02", "Two"), None, None]
    assert step.ask.challenges[2].field_name == "token"
    assert step.ask.wait_ms == 600_000


def test_the_other_keys_of_a_step() -> None:
    read = steps("""
    - fault: {on: "GET /users/*/members/*/status", status: 503, times: 2, delay: 1s}
      set: {connection_status_message: 0123, needs_updated_credentials: true}
      event: mx.balance
      payload: {balance: 12.50, count: 3, code: 007, name: 42, nothing: null, list: [yes, 1e2]}
      webhooks: {delay: 5s, repeat: 2, shuffle: true}
    - {after: 1h30m, status: CONNECTED, webhooks: off}
    - {delete: true}
    """)
    first, second, third = read.flows["connect"]
    assert first.fault == {"on": "GET /users/*/members/*/status", "status": 503, "times": 2, "delay_ms": 1000}
    assert first.set == {"connection_status_message": "0123", "needs_updated_credentials": True}
    assert first.event == "mx.balance"
    assert first.payload == {
        "balance": 12.5,
        "count": 3,
        "code": "007",
        "name": "42",
        "nothing": None,
        "list": ["yes", 100.0],
    }
    assert first.webhooks == {"delay_ms": 5000, "repeat": 2, "shuffle": True}
    assert (second.after_ms, second.webhooks) == (5_400_000, {"off": True})
    assert third.delete


def test_the_bank_page() -> None:
    read = scenario("name: t\nprovider: mx\nflows:\n  oauth:\n  - oauth: {wait: 1h, approved: connect, auto: deny}\n")
    assert read.flows["oauth"][0].oauth == Consent(3_600_000, "connect", auto="deny")
    assert read.flows["oauth"][0].targets() == [("approved", "connect")]


def test_text_stays_as_written() -> None:
    read = scenario(
        "name: 007\nprovider: mx\nsummary: no\nlogins: [{username: 0123, password: null}]\nflows: {connect: "
        "[{status: CREATED}]}"
    )
    assert (read.name, read.summary) == ("007", "no")
    assert (read.logins[0].username, read.logins[0].password, read.logins[0].institution) == ("0123", "null", None)


def test_a_picture_lies_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    for path in (tmp_path / "secret.png", tmp_path / "here" / "cat.png"):
        path.write_bytes(b"picture")
    (tmp_path / "here" / "big.jpg").write_bytes(b"x" * 600_000)
    file = tmp_path / "here" / "t.yaml"
    text = (
        "name: t\nprovider: mx\nflows: {{connect: [{{challenges: [{{type: IMAGE_DATA, label: What?, image: '{}'}}]}}]}}"
    )
    file.write_text(text.format("cat.png"))
    ask = scenario(file.read_text(), str(file)).flows["connect"][0].ask
    assert ask
    assert ask.challenges[0].image == f"data:image/png;base64,{base64.b64encode(b'picture').decode()}"
    uri = "data:image/gif;base64,R0lGOD"
    ask = scenario(text.format(uri)).flows["connect"][0].ask
    assert ask
    assert ask.challenges[0].image == uri
    for image, said in {
        "../secret.png": "is not a file beside the scenario",
        str(tmp_path / "secret.png"): "is not a file beside the scenario",
        "big.jpg": "is too big",
        "t.yaml": "is not a picture",
        "data:text/html,x": "is not a data URI of a picture",
    }.items():
        with pytest.raises(YamlError, match=said):
            scenario(text.format(image), str(file))
    assert "needs a scenario file" in faults(text.format("cat.png"))[0]


def test_all_faults_come_in_one_run_and_in_the_order_of_the_file() -> None:
    found = faults("""\
name: t
provider: mx
sumary: x
flows:
  connect:
    - {status: CREATD, after: soon}
    - {status: CHALLENGED, challenges: [{type: TEXT}], right: nowhere}
  lost:
    - status: CONNECTED
      status: DELAYED
""")
    assert [line.split(" ")[0] for line in found] == ["3:1:", "6:16:", "6:31:", "7:41:", "7:63:", "10:7:"]
    # 'nowhere' was probably meant to be the flow that nothing reaches: one message for both
    assert found[4].endswith("there is no flow 'nowhere'; did you mean 'lost', which nothing else reaches?")


def test_a_misspelt_target_is_one_mistake() -> None:
    text = (
        "name: t\nprovider: mx\nflows:\n  connect: [{status: CREATED, then: acepted}]\n  accepted: [{status: "
        "CONNECTED}]\n"
    )
    assert len(faults(text)) == 1


def test_an_island_is_reported_once() -> None:
    text = (
        "name: t\nprovider: mx\nflows:\n  connect: [{status: CREATED}]\n  a: [{after: 1s, then: b}]\n  b: [{after: "
        "1s, then: a}]\n"
    )
    assert [line.split(";")[0] for line in faults(text)] == ["5:3: nothing reaches the flow 'a'"]


@pytest.mark.parametrize(
    "challenge",
    [
        "{type: TEXT, label: x, options: [a]}",
        "{type: TEXT, label: x, image: a.png}",
        "{type: OPTIONS, label: x, options: [{label: a, image: a.png}]}",
        "{type: OPTIONS, label: x, options: a, answer: {}}",
    ],
)
def test_keys_belong_to_their_type_of_challenge(challenge: str) -> None:
    assert faults(f"name: t\nprovider: mx\nflows: {{connect: [{{challenges: [{challenge}]}}]}}")


def test_a_loop_that_asks_or_waits_is_fine() -> None:
    steps("    - {status: DELAYED}\n    - {after: 1 poll, then: connect}\n")
    steps("    - {challenges: [{type: TEXT, label: x}], wrong: connect}\n")
    with pytest.raises(YamlError, match="goes round for ever"):
        steps("    - {status: DELAYED, then: connect}\n")


def test_without_a_library_what_is_extended_is_not_looked_up() -> None:
    assert (
        scenario("name: t\nprovider: mx\nextends: elsewhere\nflows: {theirs: [{after: 1s, then: also-theirs}]}").extends
        == "elsewhere"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "1:1: the file is empty"),
        (b"# only a comment\n", "1:1: the file is empty"),
        (b"---\n", "1:1: the file is empty"),
        (b"a" * 1_000_001, "1:1: the file is too big: at most 1,000,000 bytes"),
        (b"x: " * 4_000_000, "1:1: the file is too big: at most 1,000,000 bytes"),
        ("name: caf\u00e9\n".encode("utf-16"), "1:1: this is not UTF-8 text (byte 0xff): save the file as UTF-8"),
        (b"just text", "1:1: a scenario must be a mapping ('key: value' lines), not 'just text'"),
        (b"a: &x [*x, *x]", "1:4: anchors and aliases are not allowed (&x, *x): write the value out"),
        (b"<<: *a", "1:5: anchors and aliases are not allowed (&a, *a): write the value out"),
        (b"[" * 100, "1:21: this is nested too deeply: at most 20 levels"),
        (b"- " * 100, "1:41: this is nested too deeply: at most 20 levels"),
        (b"[" + b"1," * 60_000 + b"]", "1:100000: the file holds too much: at most 50,000 values"),
        (b"a: 'x", "1:4: this quote is not closed"),
        (b"a: @x", "1:4: text cannot start with this character: put it in quotes"),
        (b"name: x\n...\nmore: y\n", "3:1: nothing may follow the end of the document"),
    ],
)
def test_what_is_not_a_scenario_at_all(data: bytes, said: str) -> None:
    assert faults(data) == [said]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_depth_has_an_end_whichever_of_the_limits_is_met_first(opening: str) -> None:
    (fault,) = faults(opening * 100_000)
    assert re.fullmatch(r"1:\d+: this is nested too deeply: at most 20 levels", fault)


def test_the_library_for_yaml_in_c_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert scenario(CHALLENGED).name == "challenged"
    assert faults("a: 'x") == ["1:4: this quote is not closed"]
    assert faults("a: [1, 2") == ["1:4: this list is not closed: a ',' or ']' is missing"]
    assert faults("a: b: c") == [
        "1:5: a ':' is not expected here: check the indentation, and quote text that contains ': '"
    ]


def test_many_faults_are_cut_off_in_good_time() -> None:
    started = time.perf_counter()
    keys = "".join(f"k{i}: 1\n" for i in range(20_000))
    targets = "".join(f"  f{i}: [{{after: 1s, then: g{i}}}]\n" for i in range(2_000))
    assert len(faults(keys)) == 100
    assert len(faults(f"name: t\nprovider: mx\nflows:\n  connect: [{{status: CREATED}}]\n{targets}")) <= 100
    assert time.perf_counter() - started < 60


def test_numbers_too_big_to_be_numbers_stay_text() -> None:
    payload = (
        steps(f"    - {{event: mx.balance, payload: {{a: {'9' * 5000}, b: 1e999, c: .5, d: -3}}}}")
        .flows["connect"][0]
        .payload
    )
    assert payload == {"a": "9" * 5000, "b": "1e999", "c": 0.5, "d": -3}


# the schema


def test_the_schema_is_valid_and_describes_what_it_allows() -> None:
    made = schema(BOTH)
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["properties"]["provider"]["enum"] == ["mono", "mx"]
    undescribed = [
        key
        for key, rule in made["$defs"]["step"]["properties"].items()
        if "description" not in rule and "$ref" not in rule
    ]
    assert undescribed == []
    json.dumps(made)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (CHALLENGED, True),
        (CHALLENGED.replace("EXPIRED", "GONE"), False),
        (CHALLENGED.replace("provider: mx", "provider: mono"), False),
        ("name: t\nprovider: mono\nflows: {link: [{status: AVAILABLE, event: mono.account_synced}]}", True),
        ("name: t\nprovider: mono\nflows: {link: [{status: AVAILABLE, event: mx.balance}]}", False),
        ("name: t\nprovider: mx\nflows: {connect: [{set: {colour: red}}]}", False),
    ],
)
def test_the_printed_schema_knows_the_words_of_each_provider(text: str, valid: bool) -> None:
    # Editors read 'off' and the like by YAML 1.2, as the base loader does: every scalar is text.
    instance = yaml.load(text, Loader=yaml.BaseLoader)
    assert jsonschema.Draft202012Validator(schema(BOTH)).is_valid(instance) is valid


@pytest.mark.parametrize("vocabulary", BOTH.values(), ids=BOTH)
def test_the_template_is_a_valid_scenario(vocabulary: Vocabulary) -> None:
    text = template("my-own", vocabulary)
    read = scenario(text)
    assert (read.name, read.provider, read.extends) == ("my-own", vocabulary.provider, vocabulary.happy)
    assert all(status in text for status in vocabulary.statuses)


# the diagram


def test_the_diagram_shows_steps_and_ways_on(tmp_path: Path) -> None:
    drawn = mermaid(scenario(CHALLENGED), Library(tmp_path, (), BOTH))
    lines = [line.strip() for line in drawn.splitlines()]
    assert lines[0] == "stateDiagram-v2"
    for line in (
        "[*] --> connect_1 : connect",
        'state "CREATED" as connect_1',
        "connect_1 --> ask_1 : after 1s",
        'state "CHALLENGED / TEXT What city were you born in?" as ask_1',
        "ask_1 --> accepted_1 : right",
        "ask_1 --> expired_1 : silent after 5m",
        "rejected_2 --> ask_1 : after 3 polls",
        "accepted_2 --> [*]",
    ):
        assert line in lines


def test_the_diagram_follows_what_is_extended_and_the_defaults(tmp_path: Path) -> None:
    defaults = scenario("name: defaults\nprovider: mx\nflows:\n  verify: [{status: CONNECTED, data: everyday}]\n")
    library = SandboxScenarios(Library(tmp_path, (), BOTH, lambda _: defaults.flows))
    library.own = library.with_one(library.parse(CHALLENGED))
    child = library.parse("""\
name: child
provider: mx
extends: challenged
flows:
  ask:
    - {status: DELAYED, set: {connection_status_message: 'a "b"; c'}, fault: {on: "GET /x", drop: true},
       event: mx.balance, webhooks: off}
    - {after: 2s, then: verify}
  oauth:
    - {status: PENDING, oauth: {auto: approve, denied: aggregate}}
  update:
    - {after: 3 polls, delete: true}
""")
    drawn = mermaid(child, library)
    assert "DELAYED / set connection_status_message / fault on GET /x / sends mx.balance / webhooks off" in drawn
    assert "deleted" in drawn
    assert "CONNECTED / data everyday" in drawn
    assert "waits for the bank page (approve)" in drawn
    assert ": denied aggregate" in drawn
    assert "accepted" not in drawn  # the child's 'ask' leads there no more


# no input, however broken


@settings(max_examples=examples(150), deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_noise_raises_only_the_documented_error(data: bytes | str) -> None:
    _try(data)


LIKELY = """name: provider: mx extends: logins: flows: connect: ask: - {} [] { } [ ] , : ? & * ! | > ' " # % @ ` ---
... &a *a
!!str << on: off yes null ~ 1 0123 1e9 after: 1s 3 status: CREATED challenges: type: TEXT OPTIONS label: answer: any
options: fault: webhooks:
oauth: then: delete: true set: payload: event: data: wait: right: answers:"""
WORDS = st.sampled_from([*LIKELY.split(), "\t", "\n", "\r", "\u2028", "\x85", "\ufeff", "\ud800", "\x00"])


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.tuples(WORDS, st.sampled_from(["", " ", "\n", "\n  ", "\n    - ", "\n      "])), max_size=60))
def test_text_that_looks_like_yaml_raises_only_the_documented_error(parts: list[tuple[str, str]]) -> None:
    _try("".join(word + gap for word, gap in parts))
    _try("name: t\nprovider: mx\n" + "".join(word + gap for word, gap in parts))


TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["connect", "1s", "any", "accounts"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.lists(VALUES, min_size=1, max_size=3))
def test_a_valid_file_with_values_replaced_raises_only_the_documented_error(
    chance: random.Random, values: list[object]
) -> None:
    tree = yaml.safe_load(CHALLENGED)
    tree["flows"]["more"] = [
        {
            "oauth": {"wait": "1h", "approved": "connect"},
            "set": {"a": 1},
            "fault": {"on": "/x", "delay": "1s"},
            "webhooks": {"delay": "1s"},
        },
        {
            "challenges": [
                {"type": "OPTIONS", "label": "x", "options": [{"label": "a", "image": "b.png"}, "c"], "answer": ["c"]}
            ]
        },
    ]
    for value in values:
        holder: object = tree
        while True:
            keys = (
                list(holder)
                if isinstance(holder, dict)
                else list(range(len(holder)))
                if isinstance(holder, list)
                else []
            )
            if not keys:
                break
            key = chance.choice(keys)
            inner = holder[key]  # type: ignore[index]
            if not isinstance(inner, (dict, list)) or not inner or chance.random() < 0.2:
                holder[key] = value  # type: ignore[index]
                break
            holder = inner
    _try(json.dumps(tree))
    _try(yaml.safe_dump(tree, allow_unicode=True))


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(0, len(CHALLENGED)), st.integers(0, 30), st.text(alphabet="{}[],:&*!|>'\"#-\n \tax0", max_size=5))
def test_a_valid_file_that_was_damaged_raises_only_the_documented_error(start: int, length: int, put: str) -> None:
    _try(CHALLENGED[:start] + put + CHALLENGED[start + length :])


def _try(data: bytes | str) -> None:
    found: tuple[Problem, ...] = (Problem("t.yaml", 1, 1, "none"),)
    try:
        parse(data, file="t.yaml", vocabularies=BOTH)
    except YamlError as error:
        found = error.problems
    assert found
    assert all(1 <= problem.line <= len(data) + 1 and problem.column >= 1 and problem.message for problem in found)


def test_a_node_is_found_by_its_path_or_the_nearest_above() -> None:
    root = yamlfile.read("a:\n  - b: 1\n", "t.yaml").root
    assert (root.find(("a", 0, "b")).line, root.find(("a", 0, "b")).column) == (2, 8)
    assert root.find(("a", 0, "b"), key=True).column == 5
    assert root.find(("a", 7)).items is not None
    assert root.find(("a", 0, "b", "c")).text == "1"
    assert root.find(("x",)) is root

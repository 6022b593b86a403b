"""The library: which scenario a name, a login or a changed file gives."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.problems import Problem, YamlError
from mocksrv.engine.scenarios import library as module
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.lookup import FaultyScenario, UnknownScenario
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.scenarios.own import NotDeletable, SandboxScenarios
from mocksrv.engine.scenarios.parsing import parse
from mocksrv.engine.scenarios.vocabulary import Vocabulary

MX = Vocabulary(
    provider="mx",
    statuses=frozenset({"CREATED", "CHALLENGED", "CONNECTED", "DENIED", "LOCKED", "FAILED"}),
    flows=frozenset({"connect", "verify"}),
    events=frozenset(),
    happy="connected",
    profiles=lambda: frozenset({"everyday"}),
)
FINICITY = Vocabulary("finicity", frozenset({"added", "done"}), frozenset({"connect"}), frozenset(), "connect-full")
BOTH = {"mx": MX, "finicity": FINICITY}


def text(
    name: str, *, status: str = "CONNECTED", provider: str = "mx", logins: str = "", extends: str = "", flows: str = ""
) -> str:
    """A small scenario file."""
    lines = [f"name: {name}", f"provider: {provider}"]
    lines += [f"logins: {logins}"] if logins else []
    lines += [f"extends: {extends}"] if extends else []
    return "\n".join([*lines, f"flows: {flows or f'{{connect: [{{status: {status}}}]}}'}", ""])


class Shelf:
    """Bundled files, a user's folder, and the library over both."""

    def __init__(self, root: Path) -> None:
        self.bundled, self.own = root / "bundled", root / "own"
        for folder in (self.bundled / "mx", self.bundled / "finicity", self.own):
            folder.mkdir(parents=True)

    def bundle(self, name: str, *, provider: str = "mx", **rest: str) -> None:
        (self.bundled / provider / f"{name}.yaml").write_text(text(name, provider=provider, **rest))

    def write(self, file: str, content: str) -> Path:
        path = self.own / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        return path

    def open(self, directories: Sequence[Path] | None = None) -> Library:
        defaults = parse(
            "name: defaults\nprovider: mx\nflows: {connect: [{status: CREATED, then: settle}], settle: "
            "[{after: 1s, status: CONNECTED}], "
            "verify: [{status: CONNECTED}]}",
            file="defaults.yaml",
            vocabularies=BOTH,
        )
        return Library(self.bundled, [self.own] if directories is None else directories, BOTH, lambda _: defaults.flows)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[Library], bool]:
    """Refreshes at once, not half a second after the last time."""
    monkeypatch.setattr(module, "LOOK_EVERY", 0)
    return lambda library: library.refresh()


def status(library: Library, name: str, flow: str = "connect") -> str | None:
    steps = library.flow(library.get("mx", name), flow)
    assert steps
    return steps[-1].status


def messages(library: Library) -> list[str]:
    return [
        f"{Path(problem.file).name}:{problem.line}:{problem.column}: {problem.message}" for problem in library.problems
    ]


# names


def test_bundled_scenarios_are_found_by_their_file(shelf: Shelf) -> None:
    shelf.bundle("connected")
    shelf.bundle("denied", status="DENIED")
    library = shelf.open()
    assert library.names("mx") == ["connected", "denied"]
    assert library.get("mx", "denied").flows["connect"][0].status == "DENIED"
    assert library.get("mx", "denied") is library.get("mx", "denied")


def test_an_unknown_name_says_which_are_near(shelf: Shelf) -> None:
    shelf.bundle("connected")
    with pytest.raises(UnknownScenario, match="there is no scenario 'conected'; did you mean connected") as caught:
        shelf.open().get("mx", "conected")
    assert caught.value.near == ("connected",)


def test_a_bare_name_means_the_provider_at_hand(shelf: Shelf) -> None:
    shelf.bundle("oauth")
    shelf.bundle("oauth", provider="finicity", status="done")
    shelf.bundle("mfa", provider="finicity", status="added")
    library = shelf.open()
    assert library.find("oauth").provider == "mx"
    assert library.find("oauth", "finicity").provider == "finicity"
    assert library.find("finicity/oauth").provider == "finicity"
    assert library.find("mfa").provider == "finicity"
    for name, provider in (
        ("mfa", "mx"),
        ("finicity/oauth", "mx"),
        ("plaid/oauth", None),
        ("", None),
        ("mx/../connected", None),
    ):
        with pytest.raises(UnknownScenario):
            library.find(name, provider)


def test_the_users_file_stands_before_a_bundled_one(shelf: Shelf) -> None:
    shelf.bundle("connected")
    shelf.write("any-name.yml", text("connected", status="LOCKED"))
    shelf.write("mx/deeper.yaml", text("mine", status="DENIED"))
    shelf.write(".hidden.yaml", "nonsense")
    library = shelf.open()
    assert (status(library, "connected"), status(library, "mine")) == ("LOCKED", "DENIED")
    assert library.names("mx") == ["connected", "mine"]
    assert library.problems == []


def test_a_file_with_faults_is_named_with_them_by_whoever_asks_for_it(shelf: Shelf) -> None:
    shelf.write("mine.yaml", text("mine", status="CONECTED"))
    shelf.write("torn.yaml", "name: [a")
    library = shelf.open()
    for ask in (lambda name: library.get("mx", name), library.find, lambda name: library.find(f"mx/{name}")):
        with pytest.raises(FaultyScenario, match=r"mine.yaml:3:.*unknown status 'CONECTED'; did you mean 'CONNECTED'"):
            ask("mine")
        with pytest.raises(FaultyScenario, match=r"torn.yaml:1:7: this list is not closed"):
            ask("torn")
    with pytest.raises(UnknownScenario, match="there is no scenario 'mine'"):
        library.find("finicity/mine")


def test_folders_are_read_with_their_sub_folders(shelf: Shelf) -> None:
    shelf.write("a.yaml", text("a"))
    for folder in ("team/deep", ".hidden"):
        (shelf.own / folder).mkdir(parents=True)
    shelf.write("team/b.yaml", text("b"))
    shelf.write("team/deep/c.yml", text("c", extends="b"))
    shelf.write(".hidden/d.yaml", text("d"))
    library = shelf.open()
    assert (library.names("mx"), library.problems) == (["a", "b", "c"], [])


def test_of_two_files_with_one_name_the_later_is_left_out(shelf: Shelf) -> None:
    shelf.write("a.yaml", text("mine"))
    shelf.write("b.yaml", text("mine", status="DENIED"))
    library = shelf.open()
    assert status(library, "mine") == "CONNECTED"
    assert messages(library) == [f"b.yaml:1:7: the name 'mine' is taken by {shelf.own / 'a.yaml'}"]


def test_a_folder_that_is_missing_is_a_problem(shelf: Shelf) -> None:
    library = shelf.open([shelf.own / "nowhere"])
    assert [problem.message for problem in library.problems] == ["this folder does not exist"]


# flows


def test_flows_come_from_the_scenario_then_its_parents_then_the_defaults(shelf: Shelf) -> None:
    shelf.bundle("base", flows="{connect: [{status: CREATED, then: go}], go: [{after: 1s, status: DENIED}]}")
    shelf.bundle("child", extends="base", flows="{go: [{after: 1s, status: LOCKED}]}")
    library = shelf.open()
    child = library.get("mx", "child")
    assert status(library, "child", "go") == "LOCKED"
    assert library.flow(child, "connect") == library.get("mx", "base").flows["connect"]
    assert status(library, "child", "verify") == "CONNECTED"
    assert library.flow(child, "nonsense") is None
    assert (library.writes(child, "connect"), library.writes(child, "verify")) == (True, False)
    assert list(library.flows(child)) == ["go", "connect"]


def test_a_flow_named_by_a_parent_or_the_defaults_counts_as_reached(shelf: Shelf) -> None:
    shelf.bundle("base", flows="{connect: [{status: CREATED, then: go}], go: [{after: 1s, status: DENIED}]}")
    own = SandboxScenarios(shelf.open())
    put(
        own,
        text(
            "child",
            extends="base",
            flows="{go: [{after: 1s, status: LOCKED, then: settle}], settle: [{status: CONNECTED}]}",
        ),
    )
    with pytest.raises(YamlError, match="nothing reaches the flow 'gone'"):
        put(own, text("child", extends="base", flows="{gone: [{status: LOCKED}]}"))


def test_name_and_logins_are_not_inherited(shelf: Shelf) -> None:
    shelf.bundle("base", logins="[{username: u}]")
    shelf.bundle("child", extends="base")
    library = shelf.open()
    found = library.login("mx", "bank", "u", "p")
    assert found
    assert found.name == "base"
    assert library.get("mx", "child").logins == ()


def test_whether_statuses_are_counted_is_inherited(shelf: Shelf) -> None:
    shelf.bundle("connected")
    shelf.write("a.yaml", "counting: off\n" + text("a"))
    shelf.write("b.yaml", text("b", extends="a"))
    shelf.write("c.yaml", "counting: on\n" + text("c", extends="b"))
    library = shelf.open()
    counted = {name: library.counts(library.get("mx", name)) for name in ("connected", "a", "b", "c")}
    assert counted == {"connected": True, "a": False, "b": False, "c": True}


def test_a_circle_of_files_is_reported_in_each_of_them(shelf: Shelf) -> None:
    shelf.write("a.yaml", text("a", extends="b"))
    shelf.write("b.yaml", text("b", extends="c"))
    shelf.write("c.yaml", text("c", extends="a"))
    shelf.write("d.yaml", text("d", extends="a"))
    library = shelf.open()
    assert messages(library) == [
        "a.yaml:3:10: a scenario cannot extend itself: 'a -> b -> c -> a'",
        "b.yaml:3:10: a scenario cannot extend itself: 'b -> c -> a -> b'",
        "c.yaml:3:10: a scenario cannot extend itself: 'c -> a -> b -> c'",
        "d.yaml:3:10: 'a', which this extends, has faults of its own",
    ]
    assert library.names("mx") == []


def test_files_may_extend_files_that_come_later(shelf: Shelf) -> None:
    shelf.write("a.yaml", text("a", extends="b", flows="{verify: [{status: LOCKED}]}"))
    shelf.write("b.yaml", text("b", extends="z", flows="{connect: [{status: CREATED, then: last}]}"))
    shelf.write("z.yaml", text("z", flows="{connect: [{status: CREATED, then: last}], last: [{status: DENIED}]}"))
    library = shelf.open()
    assert library.problems == []
    assert status(library, "a", "last") == "DENIED"


# logins


def test_more_keys_win_and_left_out_ones_match_anything(shelf: Shelf) -> None:
    shelf.bundle("wide", logins="[{username: mxuser}]")
    shelf.bundle("narrow", logins="[{institution: mxbank, username: mxuser, password: 0123}]")
    shelf.bundle("other", logins="[{institution: mxbank, password: LOCKED}]")
    library = shelf.open()

    def chosen(*login: str | None) -> str | None:
        found = library.login("mx", *login)
        return found.name if found else None

    assert chosen("mxbank", "mxuser", "0123") == "narrow"
    assert chosen("mxbank", "mxuser", "123") == "wide"
    assert chosen("mxbank", "someone", "LOCKED") == "other"
    assert chosen("mxbank", "someone", "password") is None
    assert chosen(None, "mxuser", None) == "wide"
    assert library.login("finicity", "mxbank", "mxuser", "0123") is None


def test_the_users_logins_go_before_bundled_ones(shelf: Shelf) -> None:
    shelf.bundle("bundled", logins="[{username: mxuser}]")
    shelf.bundle("replaced", logins="[{password: x}]")
    shelf.write("mine.yaml", text("mine", logins="[{password: secret}]"))
    shelf.write("replaced.yaml", text("replaced"))
    library = shelf.open()
    found = library.login("mx", "mxbank", "mxuser", "secret")
    assert found
    assert found.name == "mine"
    assert library.login("mx", "mxbank", "someone", "x") is None


def test_a_tie_of_logins_is_a_problem(shelf: Shelf) -> None:
    shelf.write("a.yaml", text("a", logins="[{username: u, password: p}]"))
    shelf.write("b.yaml", text("b", logins="[{institution: i}, {institution: i, username: u}]"))
    library = shelf.open()
    said = f"this login also chooses 'a' ({shelf.own / 'a.yaml'}), with as many keys: add a key to one of them"
    assert messages(library) == [f"b.yaml:3:28: {said}"]
    own = SandboxScenarios(library)
    with pytest.raises(YamlError, match="also chooses 'a'"):
        put(own, text("c", logins="[{username: u, password: p}]"))
    put(own, text("a", logins="[{username: u, password: p}]"))  # in the place of 'a', not beside it
    found = own.login("mx", None, "u", "p")
    assert found is not None
    assert (found.name, found.file) == ("a", "(put)")


# change


def test_changed_files_are_seen_and_a_bad_version_changes_nothing(
    shelf: Shelf, look: Callable[[Library], bool]
) -> None:
    path = shelf.write("mine.yaml", text("mine"))
    library = shelf.open()
    assert not look(library)
    path.write_text(text("mine", status="DENIED"))
    assert look(library)
    assert status(library, "mine") == "DENIED"
    path.write_text("name: mine\nprovider: mx\nflows: {connect: [{status: GONE}]}\n")
    assert look(library)
    assert status(library, "mine") == "DENIED"
    assert [problem.message[:21] for problem in library.problems] == ["unknown status 'GONE'"]
    path.write_text("{")
    assert look(library)
    assert status(library, "mine") == "DENIED"
    path.write_text(text("mine", status="LOCKED"))
    assert look(library)
    assert (status(library, "mine"), library.problems) == ("LOCKED", [])
    path.unlink()
    assert look(library)
    with pytest.raises(UnknownScenario):
        library.get("mx", "mine")


def test_a_look_costs_nothing_within_half_a_second(shelf: Shelf) -> None:
    library = shelf.open()
    shelf.write("mine.yaml", text("mine"))
    assert not library.refresh()
    assert library.names("mx") == []


def test_a_changed_parent_is_seen_in_its_children(shelf: Shelf, look: Callable[[Library], bool]) -> None:
    parent = shelf.write(
        "parent.yaml", text("parent", flows="{verify: [{status: LOCKED, then: go}], go: [{status: DENIED}]}")
    )
    shelf.write("child.yaml", text("child", extends="parent", flows="{connect: [{status: CREATED, then: go}]}"))
    library = shelf.open()
    assert status(library, "child", "verify") == "LOCKED"
    parent.write_text(text("parent", flows="{verify: [{status: FAILED, then: go}], go: [{status: DENIED}]}"))
    assert look(library)
    assert status(library, "child", "verify") == "FAILED"
    parent.write_text(text("parent", flows="{verify: [{status: FAILED}]}"))
    assert look(library)
    assert [message.split(";")[0] for message in messages(library)] == ["child.yaml:4:43: there is no flow 'go'"]
    assert status(library, "child") == "CREATED"  # its last good version
    parent.unlink()
    assert look(library)
    assert [message.split(";")[0] for message in messages(library)] == [
        "child.yaml:3:10: there is no scenario 'parent' to extend"
    ]
    assert status(library, "child", "verify") == "CONNECTED"


def test_a_file_that_cannot_be_read_is_a_problem(
    shelf: Shelf, look: Callable[[Library], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(path: Path, *args: Any, **more: Any) -> Any:
        if path.name == "locked.yaml":
            raise PermissionError(13, "Permission denied")
        return plain_open(path, *args, **more)

    shelf.write("good.yaml", text("good"))
    shelf.write("locked.yaml", text("locked"))
    plain_open = Path.open
    monkeypatch.setattr(Path, "open", opened)
    (shelf.own / "folder.yaml").mkdir()
    (shelf.own / "gone.yaml").symlink_to(shelf.own / "nowhere")
    library = shelf.open()
    assert [message[:38] for message in messages(library)] == ["locked.yaml:1:1: the file cannot be re"]
    assert library.names("mx") == ["good"]
    shelf.write("more.yaml", text("more"))
    assert look(library)
    assert len(library.problems) == 1


def test_data_profiles_are_no_scenarios(shelf: Shelf) -> None:
    shelf.write("mine.profile.yaml", "accounts: {}\n")
    shelf.write("rich.yaml", text("rich"))
    library = shelf.open()
    assert (library.problems, library.names("mx")) == ([], ["rich"])


# a sandbox's own


def put(own: SandboxScenarios, written: str) -> Scenario:
    """Gives a sandbox a scenario of its own."""
    scenario = own.parse(written)
    own.own = own.with_one(scenario)
    return scenario


def test_own_scenarios_stay_when_files_change(shelf: Shelf, look: Callable[[Library], bool]) -> None:
    shelf.bundle("connected")
    library = shelf.open()
    own, other = SandboxScenarios(library), SandboxScenarios(library)
    assert put(own, text("connected", status="DENIED")).file == "(put)"
    shelf.write("connected.yaml", text("connected", status="LOCKED"))
    assert look(library)
    assert [status(each, "connected") for each in (own, other, library)] == ["DENIED", "LOCKED", "LOCKED"]
    with pytest.raises(YamlError):
        put(own, "name: connected")
    assert status(own, "connected") == "DENIED"


def test_an_own_scenario_takes_the_logins_of_what_it_stands_in_place_of(shelf: Shelf) -> None:
    shelf.bundle("connected", logins="[{username: u}]")
    own = SandboxScenarios(shelf.open())
    assert own.login("mx", None, "u", None) is not None
    connected = put(own, text("connected"))
    assert own.login("mx", None, "u", None) is None
    own.own = own.without(connected)
    assert own.login("mx", None, "u", None) is not None


def test_what_others_extend_is_not_deleted_before_them(shelf: Shelf) -> None:
    shelf.bundle("connected")
    own = SandboxScenarios(shelf.open())
    base = put(own, text("base"))
    put(own, text("child", extends="base"))
    with pytest.raises(NotDeletable, match="'base' is extended by 'child'"):
        own.without(base)
    connected = put(own, text("connected"))
    put(own, text("grandchild", extends="connected"))
    assert ("mx", "connected") not in own.without(connected)  # the bundled one is there for 'grandchild'


def test_many_threads_read_while_files_change(shelf: Shelf, look: Callable[[Library], bool]) -> None:
    for name in ("one", "two", "three"):
        shelf.bundle(name, logins=f"[{{username: {name}}}]")
    path = shelf.write("mine.yaml", text("mine"))
    library = shelf.open()
    wrong: list[object] = []

    def read() -> None:
        for _ in range(200):
            wrong.extend(name for name in ("one", "two", "three", "mine") if library.get("mx", name).name != name)
            found = library.login("mx", None, "two", None)
            wrong.extend([] if found and found.name == "two" else [found])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        path.write_text(text("mine", status=("DENIED", "LOCKED")[number % 2]))
        os.utime(path, ns=(number, number))
        look(library)
    for thread in threads:
        thread.join()
    assert wrong == []
    assert library.problems == []


# checking


def test_files_are_checked_with_those_beside_them(shelf: Shelf, tmp_path: Path) -> None:
    shelf.bundle("connected")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name, content in {
        "base": text("base", flows="{connect: [{status: CREATED, then: go}], go: [{status: DENIED}]}"),
        "child": text("child", extends="base", flows="{go: [{status: LOCKED}]}"),
        "bad": text("bad", extends="conected", status="GONE"),
        "twin": text("base"),
    }.items():
        (folder / f"{name}.yaml").write_text(content)
    library = shelf.open()
    assert library.check([folder / "child.yaml"]) == []
    assert library.check([folder / "base.yaml"])[0].message == f"the name 'base' is taken by {folder / 'twin.yaml'}"
    found = library.check([folder / "child.yaml", folder / "bad.yaml", folder / "nowhere.yaml"])
    assert [(Path(problem.file).name, problem.line) for problem in found] == [
        ("bad.yaml", 3),
        ("bad.yaml", 4),
        ("nowhere.yaml", 1),
    ]
    assert library.names("mx") == ["connected"]


def test_a_scenario_whose_parent_has_faults_says_so_beside_its_own(shelf: Shelf) -> None:
    shelf.write("a.yaml", text("a", status="GONE"))
    shelf.write("b.yaml", text("b", extends="a"))
    shelf.write("c.yaml", text("c", extends="a", status="GONE"))
    library = shelf.open()
    assert [message.split(";")[0].split(". ")[0] for message in messages(library)] == [
        "a.yaml:3:28: unknown status 'GONE'",
        "b.yaml:3:10: 'a', which this extends, has faults of its own",
        "c.yaml:4:28: unknown status 'GONE'",
    ]


def test_bundled_files_are_checked_on_demand(shelf: Shelf) -> None:
    shelf.bundle("connected")
    assert shelf.open().check_bundled() == []
    (shelf.bundled / "mx" / "misnamed.yaml").write_text(text("other"))
    path = str(shelf.bundled / "mx" / "misnamed.yaml")
    assert shelf.open().check_bundled() == [
        Problem(path, 1, 1, "the scenario is named 'other', but its file 'misnamed.yaml'")
    ]
    shelf.bundle("wrong", status="GONE")
    assert [problem.line for problem in shelf.open().check_bundled()] == [3]

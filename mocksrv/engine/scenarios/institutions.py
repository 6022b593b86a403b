"""Institutions of the user's own: ``NAME.institution.yaml`` beside the scenarios, read again when they change.

How a provider shows them (search, login form, bank page) is the provider's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mocksrv.engine.problems import Problem, YamlError, choose, short
from mocksrv.engine.scenarios.files import INSTITUTION, Stamp, changes
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.yamlnodes import MAX_BYTES, Node, read, yaml_files
from mocksrv.engine.yamlschema import FileSchema, Problems

SCHEMA = FileSchema(Path(__file__).with_name("institution.json"))
Names = Callable[[str], Iterable[str]]  # the scenarios of a provider


class OwnCredential(NamedTuple):
    """One field of a login form: its name in calls, what stands beside it, and LOGIN, PASSWORD or TEXT."""

    name: str
    label: str
    type: str


class OwnInstitution(NamedTuple):
    """One institution. Without ``credentials`` it has the provider's usual ones; ``products`` None: all of them;
    ``scenario`` None: what would be played anywhere.
    """

    provider: str
    code: str
    name: str
    url: str | None = None
    oauth: bool = False
    credentials: tuple[OwnCredential, ...] = ()
    products: tuple[str, ...] | None = None
    scenario: str | None = None


@dataclass(slots=True)
class InstitutionFile:
    """One file: its last good version, and what is wrong with the present one."""

    path: Path
    stamp: Stamp = (0, 0, 0)
    good: OwnInstitution | None = None
    problems: tuple[Problem, ...] = ()
    data: bytes = b""
    root: Node = field(default_factory=lambda: Node(1, 1), repr=False)

    def load(self, stamp: Stamp = (0, 0, 0)) -> InstitutionFile:
        """Reads the file's bytes. What cannot be read is a problem of it."""
        self.stamp, self.data, self.problems = stamp, b"", ()
        try:
            with self.path.open("rb") as stream:
                self.data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            self.problems = (Problem(str(self.path), 1, 1, f"the file cannot be read: {error.strerror or error}"),)
        return self

    def judge(
        self, vocabularies: Mapping[str, Vocabulary], names: Names, taken: Mapping[tuple[str, str], Path]
    ) -> None:
        """Makes the present text the good version, or says why not. ``taken`` are the codes of other files."""
        if not self.data and self.problems:
            return
        try:
            found, self.root = _read(self.data, str(self.path), vocabularies, names)
            other = taken.get((found.provider, found.code))
            if other is not None:
                place = self.root.find(("code",))
                message = f"the code {short(found.code)} is taken by {other}"
                raise YamlError([Problem(str(self.path), place.line, place.column, message)])
        except YamlError as error:
            self.problems = error.problems
        else:
            self.good, self.problems = found, ()


class InstitutionFiles:
    """The institutions of some folders."""

    def __init__(self, folders: Iterable[Path], vocabularies: Mapping[str, Vocabulary], names: Names) -> None:
        """``names`` gives the scenarios of a provider, of which an institution may name one."""
        self._folders = tuple(folders)
        self._vocabularies = vocabularies
        self._names = names
        self._files: dict[Path, InstitutionFile] = {}
        self.good: Mapping[str, Mapping[str, OwnInstitution]] = {}  # provider -> code -> institution, as the files come

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the files. Such a file is left out, or counts as it was when it was last good."""
        return [problem for _, file in sorted(self._files.items()) for problem in file.problems]

    def look(self) -> bool:
        """Takes in files that are new or have changed. Returns whether any have."""
        paths = [path for folder in self._folders for path in yaml_files(folder) if path.name.endswith(INSTITUTION)]
        return changes(self._files, paths, InstitutionFile)

    def judge(self) -> None:
        """Checks all files, after they or the scenarios have changed. Of two with one code the later is at fault."""
        taken: dict[tuple[str, str], Path] = {}
        good: dict[str, dict[str, OwnInstitution]] = {}
        for path, file in sorted(self._files.items()):
            file.judge(self._vocabularies, self._names, taken)
            if file.good:
                taken.setdefault((file.good.provider, file.good.code), path)
                good.setdefault(file.good.provider, {}).setdefault(file.good.code, file.good)
        self.good = good

    def check(self, paths: Iterable[Path]) -> list[Problem]:
        """Every fault of some files, as if they alone were the user's."""
        trial = InstitutionFiles((), self._vocabularies, self._names)
        trial._files = {path: InstitutionFile(path).load() for path in paths}
        trial.judge()
        return trial.problems


def _read(data: bytes, file: str, vocabularies: Mapping[str, Vocabulary], names: Names) -> tuple[OwnInstitution, Node]:
    """The institution of a text, and its tree. Raises YamlError with every fault."""
    document = read(data, file)
    values = SCHEMA.values(document.root)
    problems = Problems(file, document.root, document.problems)
    SCHEMA.check(values, problems)
    if isinstance(values, dict):
        _check(values, problems, vocabularies, names)
    if found := problems.sorted():
        raise YamlError(found)
    credentials = tuple(OwnCredential(**each) for each in values.get("credentials", ()))
    products = tuple(values["products"]) if "products" in values else None
    return OwnInstitution(**{**values, "credentials": credentials, "products": products}), document.root


def _check(values: Mapping[str, Any], problems: Problems, vocabularies: Mapping[str, Vocabulary], names: Names) -> None:
    """What the schema cannot say: words of the provider, a scenario that there is, a login form that is used."""
    if values.get("oauth") is True and "credentials" in values:
        message = "an institution with 'oauth' has no 'credentials': its users log in at the bank's page"
        problems.at(("credentials",), message, key=True)
    fields = values.get("credentials")
    seen: set[str] = set()
    for index, each in enumerate(fields if isinstance(fields, list) else ()):
        name = each.get("name") if isinstance(each, dict) else None
        if isinstance(name, str) and name in seen:
            problems.at(("credentials", index, "name"), f"the credential {short(name)} is written twice")
        elif isinstance(name, str):
            seen.add(name)
    provider = values.get("provider")
    if not isinstance(provider, str):
        return
    if provider not in vocabularies:
        clause = choose(provider, vocabularies, vocabularies)[0]
        problems.at(("provider",), f"unknown provider {short(provider)}; {clause}")
        return
    known, products = vocabularies[provider].products, values.get("products")
    for index, product in enumerate(products if isinstance(products, list) else ()):
        if known and isinstance(product, str) and product not in known:
            clause = choose(product, known, known)[0]
            problems.at(("products", index), f"unknown product {short(product)}; {clause}")
    scenario, scenarios = values.get("scenario"), list(names(provider))
    if isinstance(scenario, str) and scenario not in scenarios:
        clause = choose(scenario, scenarios, scenarios)[0]
        problems.at(("scenario",), f"there is no scenario {short(scenario)}; {clause}")

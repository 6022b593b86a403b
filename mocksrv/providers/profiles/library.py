"""Finds data profiles by name, in the user's folders first, then among the bundled ones, and reads them when needed."""

from __future__ import annotations

import random
import threading
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mocksrv.engine.loads import need
from mocksrv.engine.problems import Problem, YamlError, choose
from mocksrv.engine.world import World
from mocksrv.engine.yamlnodes import yaml_files
from mocksrv.providers.profiles.data import Data, make
from mocksrv.providers.profiles.ledger import rows_a_month
from mocksrv.providers.profiles.model import Profile
from mocksrv.providers.profiles.reading import read

SUFFIX = ".profile.yaml"  # of a user's file, so that it may lie beside scenarios
BUNDLED = Path(__file__).parent


class _Read(NamedTuple):
    stamp: tuple[int, int]  # mtime and size of the file it was read from
    profile: Profile | None
    problems: tuple[Problem, ...]


class Profiles:
    """The data profiles of a server. May be used by several threads."""

    def __init__(self, directories: Sequence[Path] = (), *, categories: Container[str] | None = None):
        """`directories` hold the user's `NAME.profile.yaml`; `categories` are the names that a file may use, None:
        any.
        """
        self._directories = tuple(directories)
        self._categories = categories
        self._read: dict[Path, _Read] = {}
        self._people = _People()
        self._ready: set[str] = set()  # the names of those that were asked for before
        self._sizes: dict[str, tuple[Profile, int]] = {}  # by name: how many transactions a month has

    def names(self) -> frozenset[str]:
        """The names of all profiles, also of those that have faults."""
        return frozenset(name for name, _ in self._files())

    def problems(self) -> list[Problem]:
        """The faults of the user's files as they are now."""
        if not self._directories:
            return []  # every start asks: the package's own need not be listed for it
        return [problem for _, path in self._files() if path.parent != BUNDLED for problem in self._load(path).problems]

    def get(self, name: str) -> Profile:
        """The profile called `name`, its last good version if the file has faults now.

        Raises YamlError if there is none.
        """
        path = next((path for each, path in self._files() if each == name), None)
        if path is None:
            names = self.names()
            clause = choose(name, names, names)[0]
            raise YamlError([Problem(name, 1, 1, f"there is no data profile '{name}'; {clause}")])
        found = self._load(path)
        if found.profile is None:
            raise YamlError(found.problems)
        return found.profile

    def need(self, world: World, name: str) -> None:
        """A profile is needed: it is read, and what makes its people is imported, outside of transactions. Raises
        Unready.
        """
        need(world, name in self._ready, lambda: self._get_ready(name))

    def _get_ready(self, name: str) -> None:
        with suppress(YamlError):  # whoever needs it is told
            if isinstance(self.get(name).owners, int):
                self._people.get_ready()
        self._ready.add(name)

    def generate(
        self,
        name: str,
        *,
        key: str,
        until: int,
        days: int | None = None,
        since: int | None = None,
        opened: int | None = None,
    ) -> Data:
        """What a login with this profile shows at `until`, always the same for the same arguments.

        Args:
            name: of the profile.
            key: seeds whatever is random, for example ``"7:MBR-..."``; another key is another person.
            until: sandbox time in ms; balances are of this moment, transactions reach up to it.
            days: how far back transactions go; None: as the profile says (90); 0: balances alone, which is quick.
            since: ms; only transactions that are new, or were pending and have posted, after it. They go back to it
                without a gap whatever the profile's depth, unless `days` is given too.
            opened: ms; what investment accounts held at this moment is what the file says, and all that was bought and
                sold since then has been added; None: `until`.

        Raises YamlError for an unknown or faulty profile.
        """
        return make(self.get(name), key=key, until=until, days=days, since=since, opened=opened, people=self._people)

    def rows(self, name: str, days: int | None) -> int:
        """About how many transactions a login with this profile has in so many days (None: as the profile says).
        Raises YamlError for an unknown or faulty profile.
        """
        profile = self.get(name)
        known = self._sizes.get(name)
        if known is None or known[0] is not profile:
            known = self._sizes[name] = (profile, rows_a_month(profile))
        return known[1] * (profile.depth if days is None else days) // 30

    def _files(self) -> Iterator[tuple[str, Path]]:
        seen = set()
        for folder, suffix in (*((directory, SUFFIX) for directory in self._directories), (BUNDLED, ".yaml")):
            for path in yaml_files(folder):
                name = path.name.removesuffix(suffix)
                if name not in seen and path.name.endswith(suffix):
                    seen.add(name)
                    yield name, path

    def _load(self, path: Path) -> _Read:
        known = self._read.get(path)
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if known is None or known.stamp != stamp:
                own = path.parent == BUNDLED
                profile = _bundled(path, stamp) if own else _users(path, self._categories)
                known = self._read[path] = _Read(stamp, profile, ())
        except YamlError as error:
            known = self._read[path] = _Read(stamp, known.profile if known else None, error.problems)
        except OSError as error:
            reason = f"the file cannot be read: {error.strerror or error}"
            known = _Read((0, 0), known.profile if known else None, (Problem(str(path), 1, 1, reason),))
        return known


@lru_cache(maxsize=32)
def _bundled(path: Path, stamp: tuple[int, int]) -> Profile:
    """One of the package's own, read once for all servers of a process; its shape and its categories are tested."""
    return read(path.read_bytes(), name=path.name.removesuffix(".yaml"), file=str(path), check=False)


def _users(path: Path, categories: Container[str] | None) -> Profile:
    """Raises YamlError."""
    return read(path.read_bytes(), name=path.name.removesuffix(SUFFIX), file=str(path), categories=categories)


class _People:
    """Makes up account holders. Faker is imported with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faker: Any = None

    def get_ready(self) -> None:
        with self._lock:
            if self._faker is None:
                from faker import Faker

                self._faker = Faker("en_US")

    def __call__(self, key: str, count: int) -> list[dict[str, Any]]:
        """`count` people who share an address, always the same for the same key."""
        self.get_ready()
        with self._lock:
            self._faker.seed_instance(key)
            street, city = self._faker.street_address(), self._faker.city()
            state = self._faker.random_element(_STATES)
            postal_code, family = self._faker.postalcode_in_state(state), self._faker.last_name()
            names = [self._faker.first_name() for _ in range(count)]
        chance = random.Random(key)
        return [
            {
                "owner_name": f"{name} {family}",
                "first_name": name,
                "last_name": family,
                "address": street,
                "city": city,
                "state": state,
                "postal_code": postal_code,
                "country": "US",
                "email": f"{name}.{family}@example.com".lower(),
                "phone": f"555-555-{chance.randrange(10_000):04}",
            }
            for name in names
        ]


_STATES = (
    "AZ",
    "CA",
    "CO",
    "FL",
    "GA",
    "IL",
    "MA",
    "MI",
    "MN",
    "NC",
    "NJ",
    "NY",
    "OH",
    "OR",
    "PA",
    "TX",
    "UT",
    "VA",
    "WA",
    "WI",
)


def persona(seed: str | None, user: str, login: int = 1) -> str:
    """The key of one of a person's logins, for `Profiles.generate`.

    ``user`` is the app's own id of the person, the same at every provider: who has it is the same person there, with
    the same accounts at the same moment. ``login`` counts that person's logins of a profile from 1.
    """
    return f"{seed}:{user}:{login}"

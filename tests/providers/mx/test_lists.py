"""Every list call against a plain filter over all its rows: each filter parameter, each size of page, both versions.

A list is one line of `LISTINGS`. What is in the world is made by `Populated`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocksrv.providers.banks import large_banks
from mocksrv.providers.mx.http.versions import V1, V2, VERSIONS
from tests.conftest import MX, started
from tests.properties import examples
from tests.providers.mx.http.test_shapes import official, openapi
from tests.providers.mx.populated import Populated

Row = Mapping[str, Any]
Keep = Callable[[Row], bool]
Pairs = list[tuple[str, str]]
HEADERS: dict[str, dict[str, str]] = {V1: {}, V2: {"Accept": "application/json", "Accept-Version": V2}}
PAGING = {"page", "records_per_page"}
OTHER_NAMES = {bank.code: bank.also for bank in large_banks()}
DAY, EVER = 86_400, (date(1990, 1, 1), date(2090, 1, 1))


# filters: each draws what a client may ask for, and says plainly which rows that leaves


class Filter:
    """A group of query parameters. ``ordered``: the rows that it leaves keep their order."""

    ordered = True

    def names(self, version: str) -> set[str]:
        """The parameters in MX's file."""
        raise NotImplementedError

    def everything(self, version: str) -> Pairs:
        """The parameters without which a list does not show all."""
        return []

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        raise NotImplementedError

    def default(self, world: Populated) -> Keep:
        """What is left when nothing is asked for."""
        return lambda row: True


@dataclass(frozen=True)
class Exact(Filter):
    """A parameter that a field must equal."""

    name: str
    field: str = ""
    days: bool = False  # the day of a moment is asked for

    def names(self, version: str) -> set[str]:
        return {self.name}

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        field = self.field or self.name
        length = 10 if self.days else None
        there = sorted({row[field][:length] for row in rows if row[field]})
        wanted = draw(st.sampled_from([*there, "2001-01-01" if self.days else "nothing-has-this"]))
        return [(self.name, wanted)], lambda row: row[field] is not None and row[field][:length] == wanted


@dataclass(frozen=True)
class Flag(Filter):
    """A boolean parameter that a field must equal."""

    name: str
    versions: Sequence[str] = VERSIONS

    def names(self, version: str) -> set[str]:
        return {self.name} if version in self.versions else set()

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        wanted = draw(st.booleans())
        return [(self.name, str(wanted).lower())], lambda row: row[self.name] is wanted


@dataclass(frozen=True)
class Part(Filter):
    """A parameter of which a field must have something in it, in any case, with or without accents."""

    name: str
    fields: Sequence[str]
    ordered: bool = True

    def names(self, version: str) -> set[str]:
        return {self.name}

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        word = draw(st.sampled_from(sorted({word for row in rows for word in row[self.fields[0]].split()})))
        start = draw(st.integers(0, len(word) - 1))
        part = word[start : draw(st.integers(start + 1, len(word)))]
        asked = draw(st.sampled_from([part, part.upper(), part.lower(), "nothing has this"]))
        return [(self.name, asked)], lambda row: any(folded(asked) in folded(row[field]) for field in self.fields)


class BankName(Part):
    """The same of an institution, whose other names count, too."""

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        pairs, keep = super().draw(draw, rows, world, version)
        asked = folded(pairs[0][1])
        return pairs, lambda row: keep(row) or any(asked in folded(name) for name in OTHER_NAMES.get(row["code"], ()))


def folded(text: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter)
    )


@dataclass(frozen=True)
class Several(Filter):
    """A parameter that may be repeated, with or without brackets: one value (``every``: all values) must be in the
    field.
    """

    name: str
    every: bool = False
    versions: Sequence[str] = VERSIONS

    def names(self, version: str) -> set[str]:
        return {self.name} if version in self.versions else set()

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        there = sorted({value for row in rows for value in self._values(row)})
        wanted = draw(st.lists(st.sampled_from([*there, "XX"]), min_size=1, max_size=3, unique=True))
        brackets = draw(st.sampled_from(["", "[]"]))
        needed = all if self.every else any
        return [(f"{self.name}{brackets}", value) for value in wanted], lambda row: needed(
            value in self._values(row) for value in wanted
        )

    def _values(self, row: Row) -> list[str]:
        value = row[self.name]
        return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class InCategory(Filter):
    """``category_guid`` and ``top_level_category_guid`` of v20111101, once or in brackets."""

    top: bool = False

    @property
    def name(self) -> str:
        return "top_level_category_guid" if self.top else "category_guid"

    def names(self, version: str) -> set[str]:
        return {self.name, f"{self.name}[]"} if version == V1 else set()

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        def value(row: Row) -> str | None:
            guid = row["category_guid"]
            return (world.categories.get(guid) or guid) if self.top else guid

        there = sorted({found for row in rows if (found := value(row))})
        wanted = draw(st.lists(st.sampled_from([*there, "CAT-none"]), min_size=1, max_size=4, unique=True))
        brackets = "[]" if len(wanted) > 1 or draw(st.booleans()) else ""
        return [(f"{self.name}{brackets}", guid) for guid in wanted], lambda row: value(row) in wanted


@dataclass(frozen=True)
class UseCase(Filter):
    """What belongs to members with a use case; ``of``: the field that names the member."""

    of: str = "member_guid"
    versions: Sequence[str] = VERSIONS

    def names(self, version: str) -> set[str]:
        return {"use_case"} if version in self.versions else set()

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        wanted = draw(st.sampled_from(["PFM", "MONEY_MOVEMENT"]))
        members = world.rows(f"/users/{world.user}/members?records_per_page=1000", "members")
        with_it = {member["guid"] for member in members if wanted in (member["use_cases"] or [])}
        return [("use_case", wanted)], lambda row: row[self.of] in with_it


@dataclass(frozen=True)
class Between(Filter):
    """``from_`` and ``to_`` of a date or moment, both inclusive: days in v20111101, Unix seconds in v20250224 unless
    ``days``.

    ``together``: one without the other is refused. ``window``: the days before and after today that are shown without
    them.
    """

    name: str
    field: str
    together: bool = False
    window: tuple[int, int] | None = None
    days: bool = False
    versions: Sequence[str] = VERSIONS

    def names(self, version: str) -> set[str]:
        return {f"from_{self.name}", f"to_{self.name}"} if version in self.versions else set()

    def everything(self, version: str) -> Pairs:
        return self._pairs(version, *(to_seconds(day.isoformat()) for day in EVER)) if self.window else []

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        there = sorted({to_seconds(row[self.field]) for row in rows if row[self.field]})
        moments = st.sampled_from(there).flatmap(
            lambda second: st.integers(second - 2 * DAY, second + 2 * DAY) | st.just(second)
        )
        low, high = draw(moments), draw(moments)
        if self.together:  # and not longer than six months, which v20111101 refuses
            return self._pairs(version, low, high := min(high, low + 175 * DAY)), self._within(version, low, high)
        ends = draw(st.sampled_from([(low, high), (low, None), (None, high)]))
        return self._pairs(version, *ends), self._within(version, *self._opened(world, *ends))

    def default(self, world: Populated) -> Keep:
        return self._within(V1, *self._opened(world, None, None)) if self.window else super().default(world)

    def _opened(self, world: Populated, low: int | None, high: int | None) -> tuple[int, int]:
        """The ends, where nothing was asked for those of the window."""
        today = date.fromisoformat(world.now[:10])
        back, ahead = self.window or (20_000, 20_000)
        first, last = today - timedelta(days=back), today + timedelta(days=ahead)
        return (to_seconds(first.isoformat()) if low is None else low), (
            to_seconds(last.isoformat()) if high is None else high
        )

    def _in_days(self, version: str) -> bool:
        return self.days or version == V1

    def _pairs(self, version: str, low: int | None, high: int | None) -> Pairs:
        def written(second: int) -> str:
            return datetime.fromtimestamp(second, UTC).date().isoformat() if self._in_days(version) else str(second)

        return [
            (f"{end}_{self.name}", written(second))
            for end, second in (("from", low), ("to", high))
            if second is not None
        ]

    def _within(self, version: str, low: int, high: int) -> Keep:
        unit = (
            DAY if self._in_days(version) or self.field == "date" else 1
        )  # dates are whole days whatever is asked for
        return lambda row: low // unit <= to_seconds(row[self.field]) // unit <= high // unit


def to_seconds(text: str) -> int:
    """A date or a moment as MX writes it, in Unix seconds."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


@dataclass(frozen=True)
class Includes(Filter):
    """``includes`` adds to the rows and leaves none out."""

    def names(self, version: str) -> set[str]:
        return {"includes"}

    def draw(self, draw: st.DrawFn, rows: Sequence[Row], world: Populated, version: str) -> tuple[Pairs, Keep]:
        parts = ["repeating_transactions", "merchants", "classifications", "geolocations"]
        wanted = draw(st.lists(st.sampled_from(parts), min_size=1, unique=True))
        return [("includes", ",".join(wanted))], lambda row: True


# the lists


@dataclass(frozen=True)
class Listing:
    """A list operation. ``path`` has attributes of `Populated`; ``needs`` are those that fill the list; ``key`` names
    the rows in the answer and ``by`` what tells them apart; ``most``: the largest page; ``fewest`` rows it must have
    here.
    """

    operation: str
    path: str
    key: str
    filters: tuple[Filter, ...] = ()
    needs: tuple[str, ...] = ()
    most: int = 1000
    by: str = "guid"
    fewest: int = 1
    versions: Sequence[str] = VERSIONS
    paginated: bool = True


U, M = "/users/{user}", "/users/{user}/members/{member}"
MANAGED = "/users/{user}/managed_members"
PLAN = "/users/{user}/spending_plans/{plan}"
DATES = (
    Between("date", "date", window=(120, 5)),
    Between("created_at", "created_at", together=True),
    Between("updated_at", "updated_at", together=True),
    InCategory(),
    InCategory(top=True),
    Includes(),
)
SUPPORTS = tuple(
    Flag(f"supports_{what}", (V1,))
    for what in ("account_identification", "account_statement", "account_verification", "transaction_history")
)
BY_MANAGER = Flag("member_is_managed_by_user")
BOTH = ("member", "members", "manual_transactions")

LISTINGS = (
    Listing("listUsers", "/users", "users", (Exact("id"), Exact("email"), Flag("is_disabled")), ("users",), fewest=26),
    Listing(
        "listInstitutions",
        "/institutions",
        "institutions",
        (
            BankName("name", ("name", "code"), ordered=False),
            Several("iso_country_code"),
            *SUPPORTS,
            Several("supported_products", every=True, versions=(V2,)),
        ),
        most=100,
        by="code",
        fewest=26,
    ),
    Listing(
        "listFavoriteInstitutions",
        "/institutions/favorites",
        "institutions",
        (Several("iso_country_code"),),
        most=100,
        by="code",
    ),
    Listing("listManagedInstitutions", "/managed_institutions", "institutions", most=1000, by="code"),
    Listing("listInstitutionCredentials", "/institutions/{institution}/credentials", "credentials"),
    Listing("listMerchants", "/merchants", "merchants", (Part("name", ("name",)),), fewest=26),
    Listing("listDefaultCategories", "/categories/default", "categories", most=100, fewest=26),
    Listing("listDefaultCategoriesByUser", f"{U}/categories/default", "categories", fewest=26),
    Listing("listCategories", f"{U}/categories", "categories", needs=("own_categories",), fewest=12),
    Listing("listMembers", f"{U}/members", "members", (UseCase("guid"),), ("members",), fewest=11),
    Listing("listMemberCredentials", f"{M}/credentials", "credentials"),
    Listing("listMemberChallenges", "/users/{asked}/members/{challenged}/challenges", "challenges"),
    Listing(
        "listUserAccounts",
        f"{U}/accounts",
        "accounts",
        (Flag("is_manual"), BY_MANAGER, UseCase()),
        ("members", "manual_accounts", "managed_accounts"),
        fewest=26,
    ),
    Listing("listMemberAccounts", f"{M}/accounts", "accounts", (BY_MANAGER,), fewest=6),
    Listing(
        "listAccountNumbersByAccount", f"{U}/accounts/{{account}}/account_numbers", "account_numbers", needs=("member",)
    ),
    Listing("listAccountNumbersByMember", f"{M}/account_numbers", "account_numbers"),
    Listing("listAccountOwnersByMember", f"{M}/account_owners", "account_owners", fewest=6),
    Listing("listTransactions", f"{U}/transactions", "transactions", (*DATES, UseCase()), BOTH, fewest=26),
    Listing(
        "listTransactionsByMember",
        f"{M}/transactions",
        "transactions",
        (*DATES, Between("timestamp", "created_at", versions=(V2,))),
        ("member",),
        fewest=26,
    ),
    Listing("listTransactionsByAccount", f"{U}/accounts/{{account}}/transactions", "transactions", DATES, fewest=26),
    Listing(
        "listTransactionsByAccountPerMember",
        f"{M}/accounts/{{account}}/transactions",
        "transactions",
        DATES,
        fewest=26,
        versions=(V2,),
    ),
    Listing(
        "listTransactionsByTag",
        f"{U}/tags/{{tag}}/transactions",
        "transactions",
        (*DATES, UseCase(versions=(V1,))),
        fewest=26,
    ),
    Listing("listHoldings", f"{U}/investment_holdings", "investment_holdings", needs=("member",)),
    Listing("listHoldingsByMember", f"{M}/investment_holdings", "investment_holdings"),
    Listing("listHoldingsByAccount", f"{U}/accounts/{{investment}}/investment_holdings", "investment_holdings"),
    Listing("listStatementsByMember", f"{M}/statements", "statements"),
    Listing("listRewards", f"{M}/rewards", "rewards"),
    Listing("listTags", f"{U}/tags", "tags", needs=("tags",), fewest=26),
    Listing("listTaggings", f"{U}/taggings", "taggings", needs=("taggings",), fewest=26),
    Listing("listTransactionRules", f"{U}/transaction_rules", "transaction_rules", needs=("rules",), fewest=12),
    Listing("listGoals", f"{U}/goals", "goals", needs=("goals",), fewest=12),
    Listing(
        "listNotifications",
        f"{U}/notifications",
        "notifications",
        (Between("date", "made_at", window=(120, 5), days=True, versions=(V1,)),),
        ("notifications",),
        fewest=12,
        paginated=False,
    ),
    Listing("listUserMicrodeposits", f"{U}/micro_deposits", "micro_deposits", needs=("deposits",), fewest=12),
    Listing(
        "listACHRetruns",
        "/ach_returns",
        "ach_returns",
        (
            Exact("institution_guid"),
            Exact("returned_at", days=True),
            Exact("resolved_status_at", days=True),
            Exact("return_code"),
            Exact("return_status"),
        ),
        ("returns",),
        most=100,
        fewest=26,
    ),
    Listing("listManagedMembers", MANAGED, "members", needs=("managed_members",), fewest=11),
    Listing(
        "listManagedAccounts",
        f"{MANAGED}/{{managed_member}}/accounts",
        "accounts",
        needs=("managed_accounts",),
        fewest=12,
    ),
    Listing(
        "listManagedTransactions",
        f"{MANAGED}/{{managed_member}}/accounts/{{managed_account}}/transactions",
        "transactions",
        (Between("date", "date", window=(120, 5), days=True),),
        ("managed_transactions",),
        fewest=26,
    ),
    Listing("listSpendingPlans", f"{U}/spending_plans", "spending_plans", needs=("plan",)),
    Listing("listSpendingPlanAccounts", f"{PLAN}/spending_plan_accounts", "spending_plan_accounts"),
    Listing("listSpendingPlanIterations", f"{PLAN}/iterations", "iterations"),
    Listing(
        "listSpendingPlanIterationItems",
        f"{PLAN}/iterations/current/iteration_items",
        "iteration_items",
        needs=("items",),
        fewest=12,
    ),
    Listing("listInsightsUser", f"{U}/insights", "insights", needs=("member",), most=100),
    Listing("listInsightsByAccount", f"{U}/accounts/{{told_account}}/insights", "insights", most=100),
    Listing("listInsightsByTransaction", f"{U}/transactions/{{told_transaction}}/insights", "insights", most=100),
    Listing("listAccountsInsight", f"{U}/insights/{{insight_with_accounts}}/accounts", "accounts", most=100),
    Listing("listCategoriesInsight", f"{U}/insights/{{insight_with_categories}}/categories", "categories", most=100),
    Listing("listMerchantsInsight", f"{U}/insights/{{insight_with_merchants}}/merchants", "merchants", most=100),
    Listing(
        "listTransactionsInsight", f"{U}/insights/{{insight_with_transactions}}/transactions", "transactions", most=100
    ),
    Listing(
        "listScheduledPaymentsInsight",
        f"{U}/insights/{{insight_with_transactions}}/scheduled_payments",
        "scheduled_payments",
        most=100,
        fewest=0,
    ),
)
# Operations with page and records_per_page in MX's file that show a single thing: there is nothing to turn.
SINGLE = {
    "readSpendingPlanUser": PLAN,
    "readSpendingPlanAccount": f"{PLAN}/spending_plan_accounts/{{plan_account}}",
    "readCurrentSpendingPlanIteration": f"{PLAN}/iterations/current",
    "readSpendingPlanIteration": f"{PLAN}/iterations/1",
    "readSpendingPlanIterationItem": f"{PLAN}/iterations/current/iteration_items/{{item}}",
}
PAIRS = [
    pytest.param(listing, version, id=f"{listing.operation}-{version}")
    for listing in LISTINGS
    for version in listing.versions
]
QUESTIONED = [  # a plain run asks each list so many questions in one version, by turns
    pytest.param(
        listing,
        version,
        id=f"{listing.operation}-{version}",
        marks=() if place == number % len(listing.versions) else pytest.mark.slow,
    )
    for number, listing in enumerate(LISTINGS)
    for place, version in enumerate(listing.versions)
]


@pytest.fixture(scope="module")
def world() -> Iterator[Populated]:
    engine, app = started()
    yield Populated(MX(app))
    engine.close()


class Lister:
    """Calls one list in one version."""

    def __init__(self, world: Populated, listing: Listing, version: str) -> None:
        for need in listing.needs:
            getattr(world, need)
        self.world, self.listing, self.version = world, listing, version
        names = [part.split("}")[0] for part in listing.path.split("{")[1:]]
        self.path = listing.path.format(**{name: getattr(world, name) for name in names})
        self.unfiltered: Pairs = [
            pair for each in listing.filters if each.names(version) for pair in each.everything(version)
        ]
        self.rows = [
            {**row, "made_at": world.made_at.get(row[listing.by])} for row in self.all(self.unfiltered, listing.most)
        ]

    def ask(self, pairs: Pairs) -> tuple[list[Row], dict[str, int] | None]:
        """The rows of one page, and its pagination object."""
        query = urlencode(pairs)
        answer = self.world.mx.http.get(
            f"{self.path}?{query}",
            headers={"Accept": "application/vnd.mx.api.v1+json"} | HEADERS[self.version],
            auth=("client", "key"),
        )
        assert answer.status_code == 200, f"{query}: {answer.status_code} {answer.text}"
        body = answer.get_json()
        return body[self.listing.key], body.get("pagination")

    def all(self, pairs: Pairs, size: int) -> list[Row]:
        """The rows of all pages, one after the other."""
        found: list[Row] = []
        for page in range(1, 1000):
            rows, _ = self.ask([*pairs, ("page", str(page)), ("records_per_page", str(size))])
            found += rows
            if len(rows) < size:
                return found
        raise AssertionError("no end of pages")

    def unknown(self) -> list[str]:
        """The parameters of this list that the journal calls unknown."""
        violations = self.world.mx.control("GET", "/violations?limit=1000")["violations"]
        return [
            each["detail"] for each in violations if each["rule"] == "unknown-parameter" and each["path"] == self.path
        ]

    def keys(self, rows: Sequence[Row]) -> list[Any]:
        return [row[self.listing.by] for row in rows]


@st.composite
def questions(draw: st.DrawFn, lister: Lister) -> tuple[Pairs, list[Row], bool]:
    """What to ask for, the rows that should come, and whether their order is known."""
    pairs: Pairs = []
    keeps: list[Keep] = []
    ordered = True
    for each in lister.listing.filters:
        if not each.names(lister.version):
            continue
        if draw(st.sampled_from((True, False, False))) and lister.rows:
            asked, keep = each.draw(draw, lister.rows, lister.world, lister.version)
            pairs, ordered = pairs + asked, ordered and each.ordered
        else:
            keep = each.default(lister.world)
        keeps.append(keep)
    return pairs, [row for row in lister.rows if all(keep(row) for keep in keeps)], ordered


@pytest.mark.parametrize(("listing", "version"), QUESTIONED)
def test_a_list_is_a_plain_filter_over_all_rows(world: Populated, listing: Listing, version: str) -> None:
    lister = Lister(world, listing, version)
    assert len(lister.rows) >= listing.fewest
    most = listing.most

    @settings(max_examples=examples(30), deadline=None, derandomize=True, database=None)
    @given(
        questions(lister),
        st.sampled_from([None, 1, 2, 3, 0, -1, 100_000]),
        st.sampled_from([None, 10, 11, 25, most - 1, most, most + 1, 9, 1, 0, -1]),
    )
    def check(question: tuple[Pairs, list[Row], bool], page: int | None, size: int | None) -> None:
        pairs, expected, ordered = question
        if not ordered:
            found = lister.all(pairs, most)
            assert sorted(lister.keys(found)) == sorted(lister.keys(expected))
            expected = found
        turned = [
            (name, str(value)) for name, value in (("page", page), ("records_per_page", size)) if value is not None
        ]
        rows, pagination = lister.ask([*pairs, *turned])
        current, per_page = max(1, page or 1), size if size and 10 <= size <= most else 25
        assert lister.keys(rows) == lister.keys(expected)[(current - 1) * per_page : current * per_page]
        assert pagination == (
            {
                "current_page": current,
                "per_page": per_page,
                "total_entries": len(expected),
                "total_pages": max(1, -(-len(expected) // per_page)),
            }
            if listing.paginated
            else None
        )

    check()
    assert lister.unknown() == []


@pytest.mark.parametrize(("listing", "version"), PAIRS)
def test_the_pages_together_are_all_rows_once_in_one_order(world: Populated, listing: Listing, version: str) -> None:
    lister = Lister(world, listing, version)
    size = 10 if len(lister.rows) < 500 else 250
    assert lister.keys(lister.all(lister.unfiltered, size)) == lister.keys(lister.rows)
    assert len(set(lister.keys(lister.rows))) == len(lister.rows)
    if listing.key == "transactions":
        assert [row["date"] for row in lister.rows] == sorted((row["date"] for row in lister.rows), reverse=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", SINGLE)
def test_a_single_thing_has_no_pages(world: Populated, operation: str, version: str) -> None:
    path = SINGLE[operation].format(user=world.user, plan=world.plan, plan_account=world.plan_account, item=world.item)
    whole = world.mx.call("GET", path, headers=HEADERS[version])
    assert world.mx.call("GET", f"{path}?page=2&records_per_page=10", headers=HEADERS[version]) == whole


# nothing is forgotten


def in_file(version: str) -> dict[str, set[str]]:
    """The GET operations of MX's file that have pages -> their query parameters."""
    document = openapi(version)

    def named(parameter: Any) -> Any:
        while "$ref" in parameter:
            node = document
            for step in parameter["$ref"].removeprefix("#/").split("/"):
                node = node[step]
            parameter = node
        return parameter

    found = {}
    for methods in document["paths"].values():
        if "get" in methods:
            operation = methods["get"]
            parameters = [named(each) for each in (*methods.get("parameters", ()), *operation.get("parameters", ()))]
            names = {each["name"] for each in parameters if each["in"] == "query"}
            if "page" in names:
                found[operation["operationId"]] = names - PAGING
    return found


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_every_list_of_the_file_is_here_with_every_filter(version: str) -> None:
    here = {each.operation: each for each in LISTINGS if version in each.versions}
    expected = {name: parameters for name, parameters in in_file(version).items() if name not in SINGLE}
    assert expected.keys() <= here.keys()
    ours = {name: {name for each in here[name].filters for name in each.names(version)} for name in expected}
    assert ours == expected

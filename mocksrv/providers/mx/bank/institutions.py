"""The institutions members connect to: a catalogue, those of the user's own, and one for every MX scenario."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mocksrv.engine import yamlnodes
from mocksrv.engine.scenarios.choosing import MOCK
from mocksrv.engine.scenarios.institutions import OwnInstitution
from mocksrv.engine.scenarios.lookup import ScenarioLookup
from mocksrv.providers.banks import LargeBank, large_banks

MANUAL = "3af3685e-05d9-7060-359f-008d0755e993"  # code of the institution that holds manual accounts
EVERYDAY = "everyday"  # data profile of an institution that names none

_NAMESPACE = uuid.UUID("a3c1c7f2-58d6-5b7e-8f0b-6f2b64a7d9e0")
_CATALOGUE = Path(__file__).with_name("institutions.yaml")
_CREATED_AT = 1_577_836_800_000  # 2020-01-01T00:00:00Z
_LOGO = "https://content.moneydesktop.com/storage/MD_Assets/Ipad%20Logos/{size}/{name}_{size}.png"
_OWN_LOGO = frozenset({"mxbank", "mx_bank_oauth"})
_EVERYTHING = frozenset({"verification", "identification", "history", "statement", "tax", "investments", "rewards"})
# product -> the word of the catalogue that an institution needs for it; None: every institution has it
_PRODUCTS: Mapping[str, str | None] = {
    "account_verification": "verification",
    "identity_verification": "identification",
    "transactions": None,
    "transaction_history": "history",
    "statements": "statement",
    "investments": "investments",
    "rewards": "rewards",
}
_ALIASES = {"history": "transaction_history"}  # the query of v20250224 prints this one
_KINDS = {"bank": "full", "union": "standard", "card": "card", "broker": "broker"}  # of large banks -> the catalogue's
_FORM: Sequence[Mapping[str, str]] = (
    {"field_name": "LOGIN", "field_type": "LOGIN", "label": "Username"},
    {"field_name": "PASSWORD", "field_type": "PASSWORD", "label": "Password"},
)
_KNOWN_GUIDS = {
    ("mxbank", "LOGIN"): "CRD-9f61fb4c-912c-bd1e-b175-ccc7f0275cc1",
    ("mxbank", "PASSWORD"): "CRD-e3d7ea81-aac7-05e9-fbdd-4b493c6e474d",
}


class Credential(NamedTuple):
    """One field of an institution's login form."""

    guid: str
    display_order: int
    field_name: str
    field_type: str  # LOGIN, PASSWORD or TEXT
    label: str

    @property
    def type(self) -> str:
        """v20250224 shows the type under both names."""
        return self.field_type


class Institution(NamedTuple):
    """An institution with the fields of both API versions. `created_at` is in milliseconds."""

    code: str
    guid: str
    name: str
    url: str | None
    iso_country_code: str
    small_logo_url: str
    medium_logo_url: str
    supports_account_identification: bool
    supports_account_statement: bool
    supports_account_verification: bool
    supports_oauth: bool
    supports_tax_document: bool
    supports_transaction_history: bool
    supported_products: tuple[str, ...]
    forgot_password_url: str | None = None
    forgot_username_url: str | None = None
    trouble_signing_in_url: str | None = None
    instructional_text: str | None = None
    instructional_text_steps: tuple[str, ...] | None = None
    is_disabled_by_client: bool = False
    is_hidden: bool = False
    created_at: int = _CREATED_AT
    scenario: str | None = None  # the scenario that its members play
    unlisted: bool = False  # found by code or guid, not by search
    data_profile: str = EVERYDAY
    also: Sequence[str] = ()  # other names that people search for
    form: Sequence[Mapping[str, str]] = _FORM  # the login form's fields; none where the login is at the bank's page


class _Catalogue(NamedTuple):
    """The institutions that every server has. ``by_name``: by code and by guid."""

    all: Sequence[Institution]
    by_name: Mapping[str, Institution]
    favorites: Sequence[Institution]


@cache
def _catalogue() -> _Catalogue:
    """The catalogue, read once in a process."""
    read: Mapping[str, Any] = yamlnodes.load(_CATALOGUE)
    rows = [_from_row(row, read) for row in read["institutions"]]
    banks = [_from_bank(bank, read["kinds"]) for bank in large_banks()]
    by_name = {name: each for each in (*rows, *banks) for name in (each.code, each.guid)}
    return _Catalogue([*rows, *banks], by_name, [by_name[code] for code in read["favorites"]])


class Institutions:
    """All institutions of a server. The catalogue is read when it is first needed."""

    def __init__(
        self,
        scenarios: Callable[[], Sequence[tuple[str, str]]] = tuple,
        own: Callable[[], Sequence[OwnInstitution]] = tuple,
    ):
        """`scenarios` gives (name, summary) of every MX scenario there is at the moment of the call, `own` the user's
        institutions.
        """
        self._scenarios = scenarios
        self._own = own
        self._mocks: dict[tuple[str, str], Institution] = {}

    def of(self, scenarios: ScenarioLookup) -> Institutions:
        """The same as one sandbox sees them, with its scenarios."""
        seen = copy(self)
        seen._scenarios = lambda: [(name, "") for name in scenarios.names("mx")]
        return seen

    def get(self, code_or_guid: str) -> Institution | None:
        """The institution with a code or guid, unlisted ones too. One of the user's takes the place of the catalogue's
        with its code.
        """
        own = next((each for each in self._own_institutions() if code_or_guid in (each.code, each.guid)), None)
        known = own or _catalogue().by_name.get(code_or_guid)
        if known is not None:
            return known
        return next((mock for mock in self._mock_institutions() if code_or_guid in (mock.code, mock.guid)), None)

    def search(
        self,
        name: str | None = None,
        countries: Collection[str] = (),
        supports: Mapping[str, bool] | None = None,
        products: Collection[str] = (),
    ) -> list[Institution]:
        """The listed institutions that fit everything asked for.

        Args:
            name: part of a name or the code, in any case, with or without accents; better matches come first,
                else the order is by name.
            countries: ISO codes, any of which will do; empty: all.
            supports: wanted values by field, for example ``{"supports_account_statement": True}``.
            products: names of products, all of which must be supported; unknown ones are supported by nobody.
        """
        wanted = {_ALIASES.get(product, product) for product in products}
        found = [
            (rank, _folded(each.name), each)
            for each in self._searchable()
            if (rank := _rank(each, name)) is not None
            and (not countries or each.iso_country_code in countries)
            and all(getattr(each, field) is value for field, value in (supports or {}).items())
            and wanted.issubset(each.supported_products)
        ]
        return [each for _, _, each in sorted(found, key=lambda match: match[:2])]

    def favorites(self) -> list[Institution]:
        """The institutions that the client set as favourites, most popular first."""
        return [*_catalogue().favorites]

    def credentials(self, institution: Institution) -> list[Credential]:
        """The fields of the login form in the order of display; none where the login happens on the bank's page."""
        return [
            Credential(_credential_guid(institution.code, field["field_name"]), order, **field)
            for order, field in enumerate(institution.form, 1)
        ]

    def data_profile(self, institution: Institution) -> str:
        """The profile whose data a successful connection brings when the scenario names none."""
        return institution.data_profile

    def _searchable(self) -> Iterable[Institution]:
        own = self._own_institutions()
        taken = {each.code for each in own}
        yield from own
        yield from (each for each in _catalogue().all if not each.unlisted and each.code not in taken)
        yield from self._mock_institutions()

    def _own_institutions(self) -> list[Institution]:
        return [_of_the_user(each) for each in self._own()]

    def _mock_institutions(self) -> Iterable[Institution]:
        for scenario, summary in self._scenarios():
            if (scenario, summary) not in self._mocks:
                self._mocks[scenario, summary] = _from_scenario(scenario, summary)
            yield self._mocks[scenario, summary]


def _from_row(row: Mapping[str, Any], catalogue: Mapping[str, Any]) -> Institution:
    words = frozenset(catalogue["kinds"][row["kind"]])
    third = [catalogue["fields"][row["third"]]] if "third" in row else []
    name, code = row["name"], row.get("code") or _slug(row["name"])
    guid = row.get("guid") or _institution_guid(code)
    site = f"https://www.{code.replace('_', '-')}.example"
    own = "url" not in row  # the test institutions have no such pages
    return Institution(
        code=code,
        guid=guid,
        name=name,
        url=row.get("url", site),
        iso_country_code=row.get("country", "US"),
        forgot_password_url=f"{site}/forgot-password" if own else None,
        forgot_username_url=f"{site}/forgot-username" if own else None,
        trouble_signing_in_url=f"{site}/login-trouble" if own else None,
        unlisted=row.get("unlisted", False),
        data_profile=row.get("profile", EVERYDAY),
        form=() if "oauth" in words else (*_FORM, *third),
        **_logos(guid if code in _OWN_LOGO else "default"),
        **_supports(words),
    )


def _from_bank(bank: LargeBank, kinds: Mapping[str, list[str]]) -> Institution:
    """Those with OAuth have a login form, too: members may be created either way."""
    return Institution(
        code=bank.code,
        guid=_institution_guid(bank.code),
        name=bank.name,
        url=bank.url,
        iso_country_code=bank.country,
        also=bank.also,
        **_logos("default"),
        **_supports({*kinds[_KINDS[bank.kind]], *(["oauth"] if bank.oauth else [])}),
    )


def _of_the_user(own: OwnInstitution) -> Institution:
    """A user's institution in MX's words. Its scenario is chosen when a member is made."""
    form = [{"field_name": each.name, "field_type": each.type, "label": each.label} for each in own.credentials]
    given = None if own.products is None else {_ALIASES.get(product, product) for product in own.products}
    words = _EVERYTHING if given is None else {word for name, word in _PRODUCTS.items() if word and name in given}
    return Institution(
        code=own.code,
        guid=_institution_guid(own.code),
        name=own.name,
        url=own.url,
        iso_country_code="US",
        form=() if own.oauth else form or _FORM,
        **_logos("default"),
        **_supports({*words, *(["oauth"] if own.oauth else [])}),
    )


def _from_scenario(scenario: str, summary: str) -> Institution:
    code = f"{MOCK}{scenario}"
    return Institution(
        code=code,
        guid=_institution_guid(code),
        name=f"Mock: {scenario}",
        url=f"https://{code.replace('_', '-')}.example",
        iso_country_code="US",
        instructional_text=summary,
        scenario=scenario,
        **_logos("default"),
        **_supports(_EVERYTHING | ({"oauth"} if scenario.startswith("oauth") else set())),
    )


def _logos(name: str) -> dict[str, Any]:
    return {
        "small_logo_url": _LOGO.format(size="50x50", name=name),
        "medium_logo_url": _LOGO.format(size="100x100", name=name),
    }


def _supports(words: Collection[str]) -> dict[str, Any]:
    return {
        "supports_account_identification": "identification" in words,
        "supports_account_statement": "statement" in words,
        "supports_account_verification": "verification" in words,
        "supports_oauth": "oauth" in words,
        "supports_tax_document": "tax" in words,
        "supports_transaction_history": "history" in words,
        "supported_products": tuple(product for product, word in _PRODUCTS.items() if word is None or word in words),
    }


def _institution_guid(code: str) -> str:
    return f"INS-{uuid.uuid5(_NAMESPACE, code)}"


def _credential_guid(code: str, field_name: str) -> str:
    return _KNOWN_GUIDS.get((code, field_name)) or f"CRD-{uuid.uuid5(_NAMESPACE, f'{code}/{field_name}')}"


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", _folded(name)).strip("_")


def _rank(institution: Institution, asked: str | None) -> int | None:
    """How well a name fits: 0 exactly, 1 from its beginning, 2 from a word's beginning, 3 inside, 4 by its words; None:
    not.
    """
    if asked is None or not asked.strip():
        return 0
    sought, code = _folded(asked).strip(), _folded(institution.code)
    name = _folded(institution.name)
    names = {name, name.removeprefix("mock: "), *map(_folded, institution.also)}
    tests = (
        sought in (*names, code),
        any(each.startswith(sought) for each in names),
        any(f" {sought}" in each for each in names),
        any(sought in each for each in (*names, code)),
        any(all(word in each for word in sought.split()) for each in names),
    )
    return next((rank for rank, fits in enumerate(tests) if fits), None)

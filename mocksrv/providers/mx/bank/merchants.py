"""The merchants that everybody's transactions are recognised as, with their shops. They never change and belong to
nobody.

The catalogue stands in ``merchants.yaml``, which is read when it is first needed.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zlib import crc32

from mocksrv.engine import yamlnodes

_NAMESPACE = uuid.UUID("5c1f0f6e-2d0b-5f6b-8d0a-7b8f6f0a4c52")
_FILE = Path(__file__).with_name("merchants.yaml")
_LOGO = "https://content.mx.com/logos/merchants/{guid}.png"
_CREATED_AT = 1_492_716_612_000  # 2017-04-20T19:30:12Z
_APOSTROPHES = re.compile(r"['’`]")
_NO_WORD = re.compile(r"[\W_]+")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Location(NamedTuple):
    """A shop. Moments are milliseconds."""

    guid: str
    merchant_guid: str
    city: str
    state: str
    street_address: str
    postal_code: str
    country: str
    phone_number: str
    latitude: float
    longitude: float
    store_number: str  # as descriptions show it
    created_at: int = _CREATED_AT
    updated_at: int = _CREATED_AT


class Merchant(NamedTuple):
    """A merchant. `category` names one of MX's; `is_bill` and `is_subscription` say what a payment to it is. Moments
    are milliseconds.
    """

    guid: str
    name: str
    logo_url: str
    website_url: str
    merchant_category_code: int
    category: str
    is_bill: bool
    is_subscription: bool
    locations: tuple[Location, ...]
    created_at: int = _CREATED_AT
    updated_at: int = _CREATED_AT

    def location(self, text: str, key: str = "") -> Location | None:
        """The shop that a description (its `words`) means: the one whose number or city it names, else always the same
        for a key.

        None where the merchant has no shops.
        """
        if not self.locations:
            return None
        tokens = text.split()
        numbers = {token.lstrip("0") for token in tokens if token.isdigit()}
        named = [place for place in self.locations if place.store_number.lstrip("0") in numbers]
        named = named or [place for place in self.locations if f" {words(place.city)} " in f" {text} "]
        return named[0] if named else self.locations[crc32(f"{key}|{text}".encode()) % len(self.locations)]


class MerchantCatalogue:
    """All merchants, in the order of their names, and how they are found."""

    def __init__(self, merchants: Sequence[Merchant], spellings: Mapping[str, Sequence[str]]) -> None:
        """`spellings`: by a merchant's guid, the words it is found by in a description."""
        self.merchants = tuple(sorted(merchants, key=lambda merchant: merchant.name.casefold()))
        self.by_guid = {merchant.guid: merchant for merchant in self.merchants}
        self.locations = {place.guid: place for merchant in self.merchants for place in merchant.locations}
        self._by_name = {words(merchant.name): merchant for merchant in self.merchants}
        self._by_first: dict[str, list[tuple[str, Merchant]]] = {}
        self._by_start: dict[str, Merchant] = {}
        for guid, texts in spellings.items():
            self._learn(self.by_guid[guid], texts)
        for known in self._by_first.values():
            known.sort(key=lambda entry: -len(entry[0]))

    def _learn(self, merchant: Merchant, texts: Sequence[str]) -> None:
        for text in texts:
            spelling = words(text)
            if text.endswith("*") and " " not in spelling:
                self._by_start[spelling] = merchant
            else:
                known = self._by_first.setdefault(spelling.split()[0], [])
                known.append((spelling if text.endswith("*") else f"{spelling} ", merchant))

    def search(self, name: str | None) -> Sequence[Merchant]:
        """Those whose name has this in it, in any case; None: all."""
        if not name:
            return self.merchants
        part = name.casefold()
        return [merchant for merchant in self.merchants if part in merchant.name.casefold()]

    def match(self, text: str) -> Merchant | None:
        """The merchant in a description (its `words`): the first that is named, by the longest of its spellings."""
        exact = self._by_name.get(text)
        if exact is not None:
            return exact
        rest = f"{text} "
        for token in text.split():
            for spelling, merchant in self._by_first.get(token, ()):
                if rest.startswith(spelling):
                    return merchant
            for start, merchant in self._by_start.items():
                if token.startswith(start):
                    return merchant
            rest = rest[len(token) + 1 :]
        return None


@lru_cache(maxsize=4096)
def words(text: str) -> str:
    """A text in lower case with nothing but letters and digits, as descriptions are compared: ``WENDY'S #12`` ->
    ``wendys 12``.
    """
    if not text.isascii():
        text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    text = _APOSTROPHES.sub("", text.casefold()).replace("&", " and ")
    return _NO_WORD.sub(" ", text).strip()


@cache
def catalogue() -> MerchantCatalogue:
    """The catalogue, read once."""
    read: Mapping[str, Any] = yamlnodes.load(_FILE)
    merchants, spellings = [], {}
    for entry in read["merchants"]:
        merchant = _merchant(entry, read["cities"], read["streets"])
        merchants.append(merchant)
        spellings[merchant.guid] = [*([] if entry.get("alone") else [entry["name"]]), *entry.get("also", ())]
    return MerchantCatalogue(merchants, spellings)


def _merchant(entry: Mapping[str, Any], cities: Mapping[str, Sequence[Any]], streets: Sequence[str]) -> Merchant:
    name = entry["name"]
    guid = entry.get("guid") or f"MCH-{uuid.uuid5(_NAMESPACE, name)}"
    host = entry.get("site") or f"{words(name).replace(' ', '-')}.example"
    return Merchant(
        guid=guid,
        name=name,
        logo_url=_LOGO.format(guid=guid),
        website_url=f"https://www.{host}",
        merchant_category_code=entry["mcc"],
        category=entry["category"],
        is_bill=entry.get("bill", False),
        is_subscription=entry.get("subscription", False),
        locations=tuple(_locations(guid, entry, cities, streets)),
    )


def _locations(
    guid: str, entry: Mapping[str, Any], cities: Mapping[str, Sequence[Any]], streets: Sequence[str]
) -> Iterator[Location]:
    for shop in entry.get("shops", ()):
        city = shop.rstrip(" 0123456789")
        state, postal_code, area, latitude, longitude = cities[city]
        seed = crc32(f"{entry['name']}|{city}".encode())
        yield Location(
            guid=f"MCL-{uuid.uuid5(_NAMESPACE, f'{guid}|{city}')}",
            merchant_guid=guid,
            city=city,
            state=state,
            street_address=f"{100 + seed % 9800} {streets[seed % len(streets)]}",
            postal_code=postal_code,
            country="US",
            phone_number=f"({area}) 555-01{seed % 100:02}",
            latitude=round(latitude + (seed % 401 - 200) / 10_000, 6),
            longitude=round(longitude + (seed // 401 % 401 - 200) / 10_000, 6),
            store_number=shop[len(city) :].strip() or f"{seed % 9000 + 1000}",
        )


# what a transaction shows of its merchant


def enrichment(account: str, description: str | None, original: str | None) -> Mapping[str, Any]:
    """The fields that a transaction of an account gets from its merchant; none when there is no merchant in its
    descriptions.

    The place is always the same for the same account and descriptions.
    """
    merchant, text = _recognised(description or "", original or "")
    return _NOTHING if merchant is None else _shown(merchant.guid, account, text)


@lru_cache(maxsize=4096)
def _recognised(description: str, original: str) -> tuple[Merchant | None, str]:
    """The merchant, by what the bank cleaned before what it was sent, and the words that tell the place."""
    text = words(original)
    return catalogue().match(words(description)) or catalogue().match(text), text


@lru_cache(maxsize=4096)
def _shown(guid: str, account: str, text: str) -> Mapping[str, Any]:
    merchant = catalogue().by_guid[guid]
    fields = {"merchant_guid": guid, "merchant_category_code": merchant.merchant_category_code}
    place = merchant.location(text, account)
    if place is not None:
        fields |= {"merchant_location_guid": place.guid, "latitude": place.latitude, "longitude": place.longitude}
    return MappingProxyType(fields)

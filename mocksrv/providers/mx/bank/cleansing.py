"""Makes a readable name, a category and flags of what a bank writes on a transaction, by the rules in
``cleansing.yaml``.

A merchant of the catalogue decides; where none is named, the merchant category code, then the words. Only what the
words say for certain (an overdraft fee, cash from a machine) comes before the merchant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from mocksrv.engine import yamlnodes
from mocksrv.providers.mx.bank import categories
from mocksrv.providers.mx.bank.categories import Category
from mocksrv.providers.mx.bank.merchants import Merchant, catalogue, words

_FILE = Path(__file__).with_name("cleansing.yaml")
# `categorized_by` and `described_by`: MX's samples show 13 and 6 for a merchant, the other numbers are chosen here
CATEGORIZED_BY_MERCHANT, CATEGORIZED_BY_CODE, CATEGORIZED_BY_WORDS, NOT_CATEGORIZED = 13, 8, 5, 0
DESCRIBED_BY_MERCHANT, DESCRIBED_BY_WORDS, DESCRIBED_BY_CLEANING = 6, 5, 1


_EDGES = " \t*#:;,.-_/|&+"
_SPACE = re.compile(r"\s+")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleansed:
    """What is known of a transaction by its texts. `description` is empty for a blank one only."""

    description: str
    category: Category
    merchant: Merchant | None
    merchant_location_guid: str | None
    merchant_category_code: int | None
    categorized_by: int
    described_by: int
    is_bill_pay: bool
    is_direct_deposit: bool
    is_expense: bool
    is_fee: bool
    is_income: bool
    is_international: bool
    is_overdraft_fee: bool
    is_payroll_advance: bool
    is_subscription: bool


@dataclass(frozen=True, slots=True)
class CleansingRule:
    """Words, and what they say. `type`: not for transactions of the other one."""

    pattern: re.Pattern[str]
    category: Category
    name: str | None
    type: str | None
    flags: frozenset[str]


class CleansingRules:
    """``cleansing.yaml``, compiled."""

    def __init__(self, read: Mapping[str, Any]) -> None:
        states, cities = "|".join(read["states"]), "|".join(read["cities"])
        country, postal_code = r"(?:[ ,]+USA?)?", r" +\d{5}(?:-\d{4})?"
        # what is taken off, and what stands in its place
        self.removals = (
            (_compiled(f"^(?:{'|'.join(read['starts'])})"), ""),
            *((_compiled(text), " ") for text in read["anywhere"]),
            (_compiled(rf"[ ,]+(?:{cities})[ ,]+(?:{states})(?:{postal_code})?{country}$"), ""),
            (_compiled(rf" +(?:{states}){postal_code}{country}$"), ""),
            (re.compile(rf"^(\S+ .*\S) (?:{states}){country}$"), r"\1"),
            (re.compile(f"(?:{'|'.join(read['shouted_ends'])})$"), ""),
            (_compiled(f"(?:{'|'.join(read['ends'])})$"), ""),
        )
        self.abroad = self.removals[-2][0]
        self.acronyms = frozenset(read["acronyms"])
        self.small_words = frozenset(read["small_words"])
        self.certain = tuple(map(_rule, read["certain"]))
        self.likely = tuple(map(_rule, read["likely"]))
        self.flags = {name: _of_words(text) for name, text in read["flags"].items()}
        self.codes = {
            code: categories.BY_NAME[name] for name, ranges in read["codes"].items() for code in _codes(ranges)
        }


def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _of_words(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{text})\b")


def _rule(row: Mapping[str, Any]) -> CleansingRule:
    flags = frozenset(row.get("flags", ()))
    return CleansingRule(
        _of_words(row["match"]), categories.BY_NAME[row["category"]], row.get("name"), row.get("type"), flags
    )


def _codes(ranges: Iterable[int | str]) -> Iterator[int]:
    for each in ranges:
        first, _, last = str(each).partition("-")
        yield from range(int(first), int(last or first) + 1)


@cache
def rules() -> CleansingRules:
    """The rules, read once."""
    return CleansingRules(yamlnodes.load(_FILE))


@lru_cache(maxsize=2048)
def cleanse(
    description: str,
    *,
    memo: str | None = None,
    mcc: int | None = None,
    type: str | None = None,
    amount: float | None = None,
) -> Cleansed:
    """What a transaction is, by its description and, where that says nothing, its memo.

    Args:
        description: as the bank writes it.
        memo: what else it writes.
        mcc: the ISO 18245 merchant category code.
        type: CREDIT or DEBIT; None: not known, then a negative `amount` is a debit.
        amount: in dollars.
    """
    if type is None and amount is not None and amount < 0:
        type = "DEBIT"
    known, cleaned = rules(), _cleaned(description)
    texts, memos = (words(cleaned), words(description)), (words(memo or ""),)
    rule = _first(known.certain, texts, type)
    merchant = None if rule else _merchant(texts)
    if rule is None and merchant is None:
        rule = _first(known.likely, texts, type)
    name, described_by = _name(cleaned, merchant, rule)
    if rule is None and merchant is None:
        merchant = _merchant(memos)
        if merchant is None:
            rule = _first((*known.certain, *known.likely), memos, type)
        else:
            name, described_by = _name(cleaned, merchant, None)
    category, categorized_by = _category(merchant, rule, mcc)
    place = merchant.location(texts[1]) if merchant else None
    return Cleansed(
        description=name,
        category=category,
        merchant=merchant,
        merchant_location_guid=place.guid if place else None,
        merchant_category_code=mcc if mcc is not None or merchant is None else merchant.merchant_category_code,
        categorized_by=categorized_by,
        described_by=described_by,
        **_flags(description, (*texts, *memos), category, merchant, rule, type),
    )


def _name(cleaned: str, merchant: Merchant | None, rule: CleansingRule | None) -> tuple[str, int]:
    """What to call it, and how that was found."""
    if merchant is not None:
        return merchant.name, DESCRIBED_BY_MERCHANT
    if rule is not None and rule.name is not None:
        return rule.name, DESCRIBED_BY_WORDS
    return cleaned, DESCRIBED_BY_CLEANING


def _category(merchant: Merchant | None, rule: CleansingRule | None, mcc: int | None) -> tuple[Category, int]:
    """What it is, and how that was found."""
    if merchant is not None:
        return categories.BY_NAME[merchant.category], CATEGORIZED_BY_MERCHANT
    if rule is not None and rule in rules().certain:
        return rule.category, CATEGORIZED_BY_WORDS
    if mcc in rules().codes:
        return rules().codes[mcc], CATEGORIZED_BY_CODE
    if rule is not None:
        return rule.category, CATEGORIZED_BY_WORDS
    return categories.UNCATEGORIZED, NOT_CATEGORIZED


def _flags(
    description: str,
    texts: Iterable[str],
    category: Category,
    merchant: Merchant | None,
    rule: CleansingRule | None,
    type_: str | None,
) -> dict[str, bool]:
    """The flags, by the words and by what was found. What it does not say itself is a credit if its words or its
    category say income.
    """
    credit = type_ == "CREDIT" or (
        type_ is None and (category.is_income or (rule is not None and rule.type == "CREDIT"))
    )
    said = {name for name, pattern in rules().flags.items() if any(pattern.search(text) for text in texts)}
    said |= rule.flags if rule else frozenset()
    labels = categories.labels(category, credit=credit)
    return {
        "is_bill_pay": not credit and ("bill_pay" in said or (merchant is not None and merchant.is_bill)),
        "is_direct_deposit": credit and "direct_deposit" in said,
        "is_expense": labels["is_expense"],
        "is_fee": "fee" in said or categories.top_level(category).name == "Fees & Charges",
        "is_income": labels["is_income"],
        "is_international": "international" in said or rules().abroad.search(description) is not None,
        "is_overdraft_fee": "overdraft_fee" in said,
        "is_payroll_advance": "payroll_advance" in said,
        "is_subscription": not credit
        and ("subscription" in said or (merchant is not None and merchant.is_subscription)),
    }


def _merchant(texts: Sequence[str]) -> Merchant | None:
    return next((found for text in texts if (found := catalogue().match(text))), None)


def _first(those: Iterable[CleansingRule], texts: Iterable[str], type_: str | None) -> CleansingRule | None:
    """The first rule that fits, by the first of the texts that has one."""
    fitting = [rule for rule in those if rule.type is None or type_ in (None, rule.type)]
    return next((rule for text in texts for rule in fitting if rule.pattern.search(text)), None)


# names


def _cleaned(description: str) -> str:
    """The description without what only machines read, in ordinary capitals. Cleaning it again changes nothing."""
    name = description
    for _ in range(8):
        before, name = name, _SPACE.sub(" ", unicodedata.normalize("NFKC", name)).strip()
        name = _capitalized(_reduced(name))
        if name == before:
            break
    return name


def _reduced(text: str) -> str:
    """Takes off everything that may go: until nothing more does, and never the last letter."""
    before = None
    while text != before:
        before = text
        for pattern, instead in rules().removals:
            left = _SPACE.sub(" ", pattern.sub(instead, text)).strip(_EDGES)
            while len(left) < len(text) and _LETTER.search(left):
                text, left = left, _SPACE.sub(" ", pattern.sub(instead, left)).strip(_EDGES)
    return text


def _capitalized(text: str) -> str:
    return _WORD.sub(lambda found: _word(found[0], first=found.start() == 0), text)


def _word(word: str, *, first: bool) -> str:
    if word.upper() in rules().acronyms:
        return word.upper()
    if not (word.isupper() or word.islower()):
        return word  # somebody has chosen its capitals
    if word.lower() in rules().small_words and not first:
        return word.lower()
    start, apostrophe, end = word.partition("'")
    return (
        f"{start.capitalize()}'{end.capitalize() if len(start) == 1 else end.lower()}"
        if apostrophe
        else word.capitalize()
    )

"""What the texts in a data profile mean. Their shape is checked already (``schema.json``); what that cannot say raises
`BadValueError`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from mocksrv.providers.profiles.model import Span

UNIT = 10_000  # quantities are in ten-thousandths


class BadValueError(ValueError):
    """Says what is wrong with one value; becomes a problem where the value stands."""


def cents(written: str) -> int:
    """Cents of an amount such as ``12``, ``-3.5`` or ``4.99``."""
    whole, _, rest = written.removeprefix("-").partition(".")
    amount = int(whole) * 100 + int(rest.ljust(2, "0"))
    return -amount if written.startswith("-") else amount


def span(written: str) -> Span:
    """An amount or a range of amounts, ``3.50..6.90``; whole dollars are drawn when both ends are whole."""
    low, dots, high = written.partition("..")
    first, last = cents(low), cents(high if dots else low)
    if last < first:
        raise BadValueError("goes from high to low: write the smaller amount first")
    return Span(first, last, 1 if "." in low + high else 100)


def dollars(written: str) -> float:
    """One amount as a float of dollars."""
    return cents(written) / 100


def quantity(written: str) -> int:
    """A number of units with up to four decimals, as ten-thousandths."""
    whole, _, rest = written.partition(".")
    return int(whole) * UNIT + int(rest.ljust(4, "0"))


def day(written: str) -> str:
    """A date, ``2027-12-31``."""
    try:
        return date.fromisoformat(written).isoformat()
    except ValueError:
        raise BadValueError("is not a date of the calendar") from None


def moment(written: str) -> int:
    """A date or a timestamp as milliseconds since the epoch; UTC unless it says otherwise."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise BadValueError("is not a date or time of the calendar") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)

"""The pages behind the URLs that verify a user's address: opening one uses it up.

Source: MX's page on notification webhooks (a GET verifies, once).
"""

from __future__ import annotations

from flask import Response

from mocksrv.providers.mx.events.verifications import (
    EMAIL_ADDRESS,
    PHONE_NUMBER,
    Address,
    CannotVerify,
    check,
    find_by_key,
)
from mocksrv.providers.mx.people.contacts import verify
from mocksrv.providers.pages.page import PageRequest


def verify_email(page: PageRequest, key: str) -> Response:
    return _opened(page, EMAIL_ADDRESS, key)


def verify_phone(page: PageRequest, key: str) -> Response:
    return _opened(page, PHONE_NUMBER, key)


def _opened(page: PageRequest, address: Address, key: str) -> Response:
    """Verifies the address; a HEAD, as scanners of links send it, only looks."""
    try:
        with page.change() as world:
            verification = find_by_key(world, address, key)
            if page.request.method == "HEAD":
                check(world, verification)
            else:
                verify(world, verification)
    except CannotVerify as error:
        reason = f"{str(error)[0].upper()}{str(error)[1:]}."
        heading = f"Your {address.title} was not verified"
        return page.render("message.html", error.status, heading=heading, text=reason)
    heading = f"Your {address.title} is verified"
    return page.render("verified.html", heading=heading, text=f"{verification.body['address']} is verified.")

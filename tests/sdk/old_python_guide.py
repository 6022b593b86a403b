"""The guide "Deposit Account Opening with the API" by an older mx-platform-python, in its own environment.

``python old_python_guide.py URL``: prints what it saw as JSON. The oldest SDKs have one class for all calls,
the newer ones a class for each family; a method's name and parameters are the same in all.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import urllib.request
from typing import Any

import mx_platform_python as sdk

ACCOUNT = "act-23445745"  # MX Bank's checking account


class Reader:
    """An SDK whatever its classes are called: ``reader.list_users()``."""

    def __init__(self, url: str) -> None:
        self._url = url
        client = sdk.ApiClient(sdk.Configuration(host=url, username="client", password="key"))
        package = importlib.import_module("mx_platform_python.api")
        names = [each.name for each in pkgutil.iter_modules(package.__path__)]
        modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
        classes = {name: each for module in modules for name, each in vars(module).items() if name.endswith("Api")}
        self._apis = [each(client) for each in classes.values()]
        try:
            self._models = importlib.import_module("mx_platform_python.models")
        except ImportError:
            self._models = sdk

    def __getattr__(self, operation: str) -> Any:
        return next(getattr(api, operation) for api in self._apis if hasattr(api, operation))

    def model(self, name: str, **fields: Any) -> Any:
        return getattr(self._models, name)(**fields)

    def advance(self, by: str) -> None:
        body = json.dumps({"by": by}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/_mocksrv/clock/advance", body, headers)
        urllib.request.urlopen(request, timeout=20).close()


def guide(reader: Reader) -> dict[str, Any]:
    """The guide from its beginning to its end, and the holdings after it."""
    seen: dict[str, Any] = {}
    wanted = reader.model("UserCreateRequest", id="customer-42", email="ada@example.com", metadata="{}")
    body = reader.model("UserCreateRequestBody", user=wanted)
    user = reader.create_user(user_create_request_body=body).user.guid
    bank = reader.list_institutions(name="mx bank").institutions[0].code
    form = reader.list_institution_credentials(institution_code=bank).credentials
    filled = [reader.model("CredentialRequest", guid=each.guid, value=each.field_name.lower()) for each in form]
    request = reader.model("MemberCreateRequest", institution_code=bank, credentials=filled)
    made = reader.create_member(
        user_guid=user, member_create_request_body=reader.model("MemberCreateRequestBody", member=request)
    )
    at = {"user_guid": user, "member_guid": made.member.guid}
    reader.verify_member(**at)
    reader.advance("1s")
    asked = reader.read_member_status(**at).member
    seen["asked"] = [asked.connection_status, asked.challenges[0].label]
    answer = reader.model("CredentialRequest", guid=asked.challenges[0].guid, value=ACCOUNT)
    resumed = reader.model("MemberResumeRequest", challenges=[answer])
    reader.resume_aggregation(member_resume_request_body=reader.model("MemberResumeRequestBody", member=resumed), **at)
    reader.advance("1s")
    seen["verified"] = reader.read_member_status(**at).member.connection_status
    [numbers] = reader.list_account_numbers_by_member(**at).account_numbers
    seen["numbers"] = [numbers.account_number, numbers.routing_number]
    reader.identify_member(**at)
    reader.advance("1s")
    seen["owners"] = sorted({each.owner_name for each in reader.list_account_owners_by_member(**at).account_owners})
    reader.check_balances(**at)
    reader.advance("1s")
    account = reader.read_account(account_guid=numbers.account_guid, user_guid=user).account
    seen["balance"] = account.available_balance
    seen["transactions"] = len(reader.list_transactions(user_guid=user).transactions)
    reader.aggregate_member(**at)
    reader.advance("1m")
    seen["holdings"] = holdings(reader.list_holdings(user_guid=user))
    seen["of the member"] = holdings(reader.list_holdings_by_member(**at))
    return seen


def holdings(page: Any) -> list[str]:
    """What is held, whichever of its two names the list has."""
    found = getattr(page, "holdings", None) or getattr(page, "investment_holdings", None) or []
    return sorted(each.symbol for each in found)


if __name__ == "__main__":
    print(json.dumps(guide(Reader(sys.argv[1]))))

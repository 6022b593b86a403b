"""Verifiable credentials: accounts, identities and transactions as signed JWTs, with the objects of FDX inside.

Sources: the sample in MX's OpenAPI file, captured credentials, and what an open-source client reads
(docs/discrepancies.md).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.clock import DAY, iso
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import Call, MXError, Routes
from mocksrv.providers.mx.http.versions import V1
from mocksrv.providers.mx.money.transactions import DATE_FORMS, DAYS_BACK, KINDS

routes = Routes()
MEDIA_TYPE = "application/vnd.mx.api.v2beta+json"
USER = "/vc/users/<user>"
YEAR = 366  # days; the longest range of transactions
_BASE32 = "ybndrfg8ejkmcpqxot1uwisza345h769"  # z-base-32, in which did:dht writes keys

# FDX's kind of an account, by MX's type; one of a type that is not here has no place in a credential
KINDS_OF_ACCOUNTS = {
    **dict.fromkeys(("CASH", "CHECKING", "PREPAID", "SAVINGS"), "deposit"),
    **dict.fromkeys(("CHECKING_LINE_OF_CREDIT", "CREDIT_CARD", "LINE_OF_CREDIT"), "loc"),
    **dict.fromkeys(("LOAN", "MORTGAGE"), "loan"),
    "INVESTMENT": "investment",
    "INSURANCE": "insurance",
}
LIABILITIES = frozenset({"loc", "loan"})
# what FDX calls the fields of each kind -> what MX does; None: MX knows nothing of it
FIELDS: Mapping[str, Mapping[str, str | None]] = {
    "deposit": {
        "currentBalance": "balance",
        "openingDayBalance": None,
        "availableBalance": "available_balance",
        "annualPercentageYield": "apy",
        "maturityDate": "matures_on",
    },
    "loc": {
        "creditLine": "credit_limit",
        "availableCredit": "available_credit",
        "nextPaymentDate": "payment_due_at",
        "principalBalance": None,
        "currentBalance": "balance",
        "minimumPaymentAmount": "minimum_payment",
        "purchasesApr": "apr",
    },
    "loan": dict.fromkeys(
        ("principalBalance", "payOffAmount", "lastPaymentAmount", "lastPaymentDate", "maturityDate")
    ),  # seen null also where MX knows them
    "investment": {"currentValue": "balance"},
    "insurance": {
        "policyPremium": "premium_amount",
        "deathBenefit": "death_benefit",
        "surrenderValue": "cash_surrender_value",
    },
}
MOMENTS = frozenset({"matures_on", "payment_due_at"})
TYPES = {"investment": "INVESTMENTACCOUNT"}  # what FDX calls a type, where it is not MX's word


# issuing


def _bits(data: bytes) -> str:
    """Base64 as JWTs write it."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def did(public_key: bytes) -> str:
    """The decentralised identifier of who has this key (32 bytes)."""
    number = int.from_bytes(public_key, "big") << 4  # 256 bits in 52 letters of five bits
    return "did:dht:" + "".join(_BASE32[number >> 5 * place & 31] for place in reversed(range(52)))


def _issue(call: Call, world: World, user: Record, kind: str, subject: Mapping[str, Any]) -> Reply:
    """The answer: a credential of this kind about a user, signed with the sandbox's key."""
    key, public = _key(call.sandbox)
    query = call.request.query_string.decode()
    issuer, url = did(public), call.base_url + call.request.path + (f"?{query}" if query else "")
    claims = {
        "vc": {
            "@context": ["https://www.w3.org/2018/credentials/v1"],
            "id": url,
            "type": ["VerifiableCredential", f"Financial{kind}Credential"],
            "issuer": issuer,
            "issuanceDate": iso(world.now),
            "credentialSubject": {**subject, "id": user.guid},
        },
        "iss": issuer,
        "iat": world.now // 1000,
        "jti": url,
        "sub": user.guid,
    }
    header = {"alg": "EdDSA", "kid": f"{issuer}#0", "typ": "JWT"}
    signed = f"{_bits(dumps(header).encode())}.{_bits(dumps(claims).encode())}"
    return Reply({"verifiableCredential": f"{signed}.{_bits(key.sign(signed.encode()))}"}, mimetype=MEDIA_TYPE)


def _key(sandbox: Sandbox) -> tuple[Any, bytes]:
    """The sandbox's private key and the bytes of its public one. A seed always makes the same."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # no other call needs it

    key = Ed25519PrivateKey.from_private_bytes(sandbox.chance(f"issuer:{sandbox.salt}").randbytes(32))
    return key, key.public_key().public_bytes_raw()


# accounts


@routes.add("GET", f"{USER}/members/<member>/accounts", "getAccountsData")
def accounts(call: Call, user: str, member: str) -> Reply:
    call.arguments()
    with call.look() as world:
        owner = call.user(world, user)
        subject = call.member(world, owner, member)
        found = world.list(Query("mx.account", subject=subject.guid))
        bank = subject.body["institution_name"]
        shown = [_account(account, bank) for account in found if account.body["type"] in KINDS_OF_ACCOUNTS]
        return _issue(call, world, owner, "Account", {"accounts": shown})


def _account(account: Record, bank: str) -> dict[str, Any]:
    body = account.body
    kind = KINDS_OF_ACCOUNTS[body["type"]]
    view: dict[str, Any] = {
        "accountId": account.guid,
        "accountType": TYPES.get(kind) or body["type"].replace("_", ""),
        "accountNumber": body.get("full_number"),
        "accountNumberDisplay": body.get("account_number"),
        "productName": None,
        "nickname": body.get("nickname"),
        "status": "CLOSED" if body.get("is_closed") else "OPEN",
        "accountOpenDate": iso(body.get("started_on") or account.created_at),
        "accountClosedDate": None,
        "currency": {"currencyRate": None, "currencyCode": body.get("currency_code"), "originalCurrencyCode": None},
        "fiAttributes": _attributes(account, external_guid=account.partner_id, institution_name=bank),
        "routingTransitNumber": body.get("routing_number"),
        "balanceType": "LIABILITY" if kind in LIABILITIES else "ASSET",
        "interestRate": None if kind == "loan" else body.get("interest_rate"),
        "lastActivityDate": iso(account.updated_at),
        "balanceAsOf": iso(account.updated_at),
        **{name: _value(body, source) for name, source in FIELDS[kind].items()},
    }
    return {f"{kind}Account": view}


def _value(body: Mapping[str, Any], source: str | None) -> Any:
    value = body.get(source) if source else None
    return iso(value) if source in MOMENTS and value is not None else value


def _attributes(account: Record, **more: str | None) -> list[dict[str, str | None]]:
    """FDX's pairs of a name and a value, for what it has no fields for."""
    known = {"member_guid": account.subject, "institution_guid": account.body.get("institution_guid"), **more}
    return [{"name": name, "value": value} for name, value in known.items()]


# identities


@routes.add("GET", f"{USER}/members/<member>/customers", "getIdentityData")
def customers(call: Call, user: str, member: str) -> Reply:
    """The owners of the member's accounts, one for each account. ``filters`` names what is shown of them; everything
    without it. E-mail and telephones are always there.
    """
    wanted = [name for name in call.arguments("filters").get("filters", "").split(",") if name]
    unknown = next((name for name in wanted if name not in CUSTOMER), None)
    if unknown is not None:
        raise MXError(400, f"filters: {unknown!r} is not known; allowed are {','.join(CUSTOMER)}")
    shown = [name for name in CUSTOMER if not wanted or name in (*wanted, *ALWAYS_SHOWN)]
    with call.look() as world:
        owner = call.user(world, user)
        subject = call.member(world, owner, member)
        ids = {account.guid: account.partner_id for account in world.list(Query("mx.account", subject=subject.guid))}
        owners = world.list(Query("mx.account_owner", subject=subject.guid))
        people = [_customer(person, ids.get(person.parent or ""), shown) for person in owners]
        return _issue(call, world, owner, "Identity", {"customers": people})


def _customer(person: Record, account: str | None, shown: Sequence[str]) -> dict[str, Any]:
    """The owner of an account; ``account`` is the bank's id of it."""
    return {
        "customerId": person.guid,
        **{name: CUSTOMER[name](person.body) for name in shown},
        "accounts": [{"accountId": account}],
    }


def _name(person: Mapping[str, Any]) -> dict[str, Any]:
    return {"first": person.get("first_name"), "last": person.get("last_name")}


def _addresses(person: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = {"line1": "address", "city": "city", "state": "state", "postalCode": "postal_code"}
    return [{name: person.get(source) for name, source in parts.items()}]


def _telephones(person: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"number": person["phone"]}] if person.get("phone") else []


def _email(person: Mapping[str, Any]) -> list[str]:
    return [person["email"]] if person.get("email") else []


CUSTOMER = {"name": _name, "addresses": _addresses, "telephones": _telephones, "email": _email}
ALWAYS_SHOWN = ("telephones", "email")  # whatever ``filters`` names


# transactions


@routes.add("GET", f"{USER}/accounts/<account>/transactions", "getTransactionsData")
def transactions(call: Call, user: str, account: str) -> Reply:
    """An account's transactions as the bank gave them, newest first: from ``startTime`` to ``endTime``, both
    inclusive.
    """
    call.arguments("startTime", "endTime")
    with call.look() as world:
        owner = call.user(world, user)
        record = call.account(world, owner, account)
        bounds = _range(call, world.now)
        found = [row for kind in KINDS for row in world.pages(Query(kind, parent=record.guid, ranges={"sort": bounds}))]
        given = sorted(
            (row for row in found if not row.body.get("parent_guid")), key=lambda row: row.sort or 0, reverse=True
        )
        kind = KINDS_OF_ACCOUNTS.get(record.body["type"], "deposit")
        return _issue(
            call,
            world,
            owner,
            "Transaction",
            {"transactions": [_transaction(kind, record, row) for row in given]},
        )


def _range(call: Call, now: int) -> tuple[int, int]:
    """Raises MXError 400 for what is no date, and for more than a year."""
    reads, refusal = DATE_FORMS[V1].reads, DATE_FORMS[V1].refusal
    start, end = (call.request.args.get(name) or None for name in ("startTime", "endTime"))
    try:
        high = reads(end)[1] if end else now // DAY * DAY + DAY - 1
        low = reads(start)[0] if start else high + 1 - (DAYS_BACK + 1) * DAY
    except ValueError:
        raise MXError(400, refusal) from None
    if high - low > YEAR * DAY:
        raise MXError(400, "The range from startTime to endTime is limited to 1 year")
    return low, high


def _transaction(kind: str, account: Record, transaction: Record) -> dict[str, Any]:
    body = transaction.body
    view = {
        "transactionId": transaction.guid,
        "accountId": account.guid,
        "amount": body["amount"],
        "debitCreditMemo": body["type"],
        "status": body["status"],
        "description": body.get("description"),
        "memo": body.get("memo"),
        "category": body.get("category"),
        "checkNumber": body.get("check_number_string"),
        "transactionTimestamp": _stamp(body.get("transacted_at") or transaction.sort),
        "postedTimestamp": _stamp(body.get("posted_at")),
        "fiAttributes": _attributes(
            account,
            account_guid=account.guid,
            external_guid=transaction.partner_id,
            original_description=body.get("original_description"),
        ),
    }
    return {f"{kind}Transaction": view}


def _stamp(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)

"""The object family of MX's webhooks: a resource was created, updated or deleted. Their bodies are a table.

Sources: MX's webhook pages for accounts, transactions, budgets, categories, goals, holdings, insights, beats, tags,
taggings, spending plans and microdeposits; what those pages leave out follows the API's own schemas
(docs/discrepancies.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.clock import DAY, iso
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.webhooks import UNASKED, client_guid, client_id, seconds, send
from mocksrv.providers.mx.http.call import shown
from mocksrv.providers.mx.http.versions import ACCOUNT_FEED, ACCOUNT_SET_BY, account_twins

SET_BY = {1: "FEED", 2: "USER", 3: "SYSTEM"}
FEED_STATUS = {"POSTED": 1, "PENDING": 2}  # the feed's own values are numbers
FEED_TYPE = {"CREDIT": 1, "DEBIT": 2}
BEAT_LIFETIME = 7 * DAY


def day_seconds(ms: int | None) -> int | None:
    """A date as the second it begins."""
    return None if ms is None else ms // DAY * DAY // 1000


def _text(value: Any) -> str | None:
    return None if value is None else f"{value:.2f}"


def _iso_ms(ms: int | None) -> str | None:
    """A moment as microdeposits write it, with milliseconds."""
    return None if ms is None else f"{iso(ms)[:-1]}.{ms % 1000:03}+00:00"


def _iso(ms: int | None) -> str | None:
    """A moment as beats write it."""
    return None if ms is None else f"{iso(ms)[:-1]}+00:00"


def _iso_day(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)[:10]


@dataclass(frozen=True, slots=True)
class Object:
    """The events of one resource.

    ``when`` has its actions, and says in words what each is sent for. ``wrapper`` is the key of the object in the body,
    ``fields`` what it shows, ``forms`` how fields are written that are not written as they are (moments become Unix
    seconds without being named here), ``renamed`` MX's other names for fields of the API, ``beside`` what stands beside
    the object, ``optional`` the fields that are left out while they are null.
    """

    when: Mapping[str, str]
    wrapper: str
    fields: tuple[str, ...]
    forms: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    def payload(self, action: str, view: Mapping[str, Any]) -> dict[str, Any]:
        """The body: ``view`` has the resource's fields by the API's names, moments in milliseconds."""
        shown = {name: self._form(name)(view.get(self.renamed.get(name, name))) for name in self.fields}
        present = {name: value for name, value in shown.items() if value is not None or name not in self.optional}
        return {"action": action, **self.beside, self.wrapper: present}

    def _form(self, name: str) -> Callable[[Any], Any]:
        return self.forms.get(name) or (seconds if name.endswith("_at") else _same)


def _same(value: Any) -> Any:
    return value


def _changes(what: str, **special: str) -> dict[str, str]:
    """What the three events of a resource are sent for."""
    return {
        "created": f"{what} was created",
        "updated": f"{what} has changed",
        "deleted": f"{what} was deleted",
        **special,
    }


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_USER = "user_guid user_id"
_ACCOUNT_SET_BY = tuple(f"{name}_set_by" for name in ACCOUNT_SET_BY)
_ACCOUNT_MOMENTS = ("matures_on", "started_on", "feed_matures_on", "feed_started_on")
_TRANSACTION_SET_BY = tuple(
    f"{name}_set_by" for name in ("amount", "category", "check_number", "currency_code", "date", "description")
)

OBJECTS: Mapping[str, Object] = {
    "mx.account": Object(
        _changes("an account", created="an account was created by a client, or brought by a job"),
        "account",
        tuple(
            sorted(
                {
                    *ACCOUNT_SET_BY,
                    *_ACCOUNT_SET_BY,
                    *(f"feed_{name}" for name in ACCOUNT_FEED),
                    *_names(
                        """account_subtype account_subtype_set_by account_type account_type_set_by available_credit
                            created_at feed_account_subtype feed_account_type guid id imported_at institution_code
                            institution_guid insured_name is_hidden is_manual member_guid member_id
                            member_is_managed_by_user metadata pay_out_amount premium_amount property_type revision
                            routing_number updated_at user_guid user_id"""
                    ),
                }
                - {"type", "subtype", "type_set_by", "subtype_set_by"}
            )
        ),
        forms={
            **dict.fromkeys((*_ACCOUNT_SET_BY, "account_type_set_by", "account_subtype_set_by"), SET_BY.get),
            **dict.fromkeys(_ACCOUNT_MOMENTS, seconds),
        },
        renamed={
            "account_type": "type",
            "account_subtype": "subtype",
            "account_type_set_by": "type_set_by",
            "account_subtype_set_by": "subtype_set_by",
        },
    ),
    "mx.transaction": Object(
        _changes("a transaction", created="a transaction was entered, is part of a split, or was brought by a job"),
        "transaction",
        (
            *_TRANSACTION_SET_BY,
            *_names(
                """account_guid account_id amount category_guid category_name check_number created_at currency_code
                    date description feed_amount feed_check_number feed_currency_code feed_description
                    feed_is_international feed_latitude feed_longitude feed_memo feed_posted_at feed_status
                    feed_transacted_at feed_transaction_type guid has_been_split has_been_viewed id is_bill_pay
                    is_direct_deposit is_expense is_fee is_flagged is_hidden is_income is_international
                    is_overdraft_fee is_payroll_advance is_recurring is_subscription latitude localized_description
                    localized_memo longitude member_guid member_is_managed_by_user memo merchant_category_code
                    merchant_guid merchant_location_guid metadata parent_guid posted_at revision status transacted_at
                    type updated_at user_guid user_id"""
            ),
        ),
        forms={"date": day_seconds, "feed_status": FEED_STATUS.get, "feed_transaction_type": FEED_TYPE.get},
        renamed={"category_name": "category", "check_number": "check_number_string"},
    ),
    "mx.budget": Object(
        _changes("a budget", updated="a budget has changed; not when only what is spent against it has"),
        "budget",
        _names(
            f"""amount category_guid client_id created_at guid is_exceeded is_off_track metadata name parent_guid
                projected_spending revision transaction_total updated_at {_USER}"""
        ),
        forms={"projected_spending": _text, "transaction_total": _text},
    ),
    "mx.category": Object(
        _changes("a category of a user"),
        "category",
        _names(f"created_at guid is_default is_income metadata name parent_guid revision updated_at {_USER}"),
    ),
    "mx.goal": Object(
        _changes("a goal", updated="a goal has changed; not when only its account has"),
        "goal",
        _names(
            f"""account_guid amount completed_at created_by current_amount goal_type_name guid has_been_spent
                is_complete meta_type metadata name position projected_to_complete_at revision {_USER}"""
        ),
        renamed={"meta_type": "meta_type_name"},
    ),
    "mx.holding": Object(
        _changes(
            "a holding",
            created="a holding was bought",
            updated="a holding has changed, its price mostly",
            deleted="a holding was sold, or went with its account",
        ),
        "holding",
        _names(
            f"""account_guid allocations_cash allocations_convertible allocations_foreign_bond
                allocations_foreign_stock allocations_other allocations_preferred allocations_unknown
                allocations_us_bond allocations_us_stock bond_coupon_rate bond_maturity_date cost_basis created_at
                currency_code daily_change deleted_at description equity_classification fixed_income_classification
                guid holding_type id isin market_value metadata purchase_price revision security_type shares symbol
                updated_at {_USER}"""
        ),
        forms={"shares": lambda quantity: None if quantity is None else float(quantity)},
        renamed={"shares": "quantity", "bond_coupon_rate": "coupon_yield", "bond_maturity_date": "maturity_date"},
    ),
    "mx.insight": Object(
        _changes(
            "an insight",
            created="an insight was found in a user's data",
            updated="an insight was displayed or dismissed",
            deleted="the data of an insight is gone",
        ),
        "insight",
        _names(
            f"""active_at client_guid created_at description guid has_associated_accounts has_associated_categories
                has_associated_merchants has_associated_scheduled_payments has_associated_transactions
                has_been_displayed is_dismissed micro_description micro_title template title updated_at {_USER}"""
        ),
        forms={"updated_at": _iso_day},
    ),
    "mx.beat": Object(
        _changes("an insight, under its older name,", generated="a beat was made on demand, which MX does not store"),
        "beat",
        _names(
            f"""account_guids account_ids active_at created_at description digest displayed_at expires_at guid
                has_been_displayed is_deleted is_dismissed is_relevant primary_account_guid primary_transaction_guid
                template title transaction_guids updated_at {_USER}"""
        ),
        forms=dict.fromkeys(("created_at", "updated_at"), _iso),
    ),
    "mx.tag": Object(_changes("a tag"), "tag", _names(f"guid revision name updated_at {_USER}")),
    "mx.tagging": Object(
        _changes("a tagging", deleted="a tagging was deleted, or went with its transaction"),
        "tagging",
        _names(
            "guid member_is_managed_by_user revision transaction_id transaction_guid tag_guid tag_name "
            f"updated_at {_USER}"
        ),
    ),
    "mx.spending_plan": Object(
        _changes("a spending plan", updated="a spending plan has gone on to another month"),
        "spending_plan",
        _names(f"created_at current_iteration_number guid updated_at {_USER}"),
    ),
    "mx.micro_deposit": Object(
        {"created": "a microdeposit was started", "updated": "the status of a microdeposit has changed"},
        "micro_deposit",
        _names(
            f"""account_number account_type created_at guid institution_guid routing_number status status_name
                updated_at {_USER} verified_at"""
        ),
        forms=dict.fromkeys(("created_at", "updated_at", "verified_at"), _iso_ms),
        beside={"version": 1},
        optional=frozenset({"verified_at"}),
    ),
}
OBJECT_EVENTS = frozenset(f"{name}.{action}" for name, entry in OBJECTS.items() for action in entry.when)


def emit(world: World, event: str, action: str, record: Record, *, bulk: bool = False, **more: Any) -> None:
    """Writes the event of a change of a resource: ``emit(world, "mx.tag", "created", record)``.

    ``more`` is what the body shows and the record does not have. ``bulk``: one of the many changes that a job brings,
    written only where an endpoint asks for it.
    """
    name, entry = f"{event}.{action}", OBJECTS[event]
    if action not in entry.when or (bulk and not outbox.wanted(world, name, UNASKED)):
        return
    if action == "deleted":
        record.revision += 1
        record.updated_at = world.now
        more |= {"revision": record.revision, "updated_at": world.now, "deleted_at": world.now}
    user, sandbox = world.get("mx.user", record.owner), world.sandbox.name
    keys = {
        "account_guid": record.parent,
        "member_guid": record.subject,
        "user_id": user.partner_id if user else None,
        "client_guid": client_guid(sandbox),
        "client_id": client_id(sandbox),
    }
    payload = entry.payload(action, {**keys, **shown(record), **more})
    send(world, name, record.guid, payload)


def emit_account(world: World, action: str, account: Record, *, bulk: bool = False) -> None:
    """The event of an account, which shows where each value came from."""
    member = world.get("mx.member", account.subject or "")
    emit(
        world,
        "mx.account",
        action,
        account,
        bulk=bulk,
        member_id=member.partner_id if member else None,
        **account_twins(account.body),
    )


def emit_transaction(world: World, action: str, transaction: Record, *, bulk: bool = False) -> None:
    """The event of a transaction, which shows what the bank's feed said beside what is shown."""
    if bulk and not outbox.wanted(world, f"mx.transaction.{action}", UNASKED):
        return
    account = world.get("mx.account", transaction.parent or "")
    keys: dict[str, Any] = {
        "account_id": account.partner_id if account else None,
        "member_is_managed_by_user": account.body.get("member_is_managed_by_user") if account else None,
    }
    emit(world, "mx.transaction", action, transaction, date=transaction.sort, **keys, **_feed(transaction.body))


def emit_beat(world: World, action: str, insight: Record, *, bulk: bool = False) -> None:
    """The event of an insight as it was called before: deprecated, and written with ``bulk`` for those only that ask
    for it.
    """
    accounts, transactions = insight.body.get("accounts") or [], insight.body.get("transactions") or []
    found = [world.get("mx.account", guid) for guid in accounts]
    emit(
        world,
        "mx.beat",
        action,
        insight,
        bulk=bulk,
        account_guids=accounts,
        account_ids=[each.partner_id for each in found if each],
        transaction_guids=transactions,
        primary_account_guid=next(iter(accounts), None),
        is_deleted=action == "deleted",
        primary_transaction_guid=next(iter(transactions), None),
        is_relevant=action != "deleted",
        expires_at=(insight.body.get("active_at") or world.now) + BEAT_LIFETIME,
    )


def _feed(body: Mapping[str, Any]) -> dict[str, Any]:
    """Who set a value, and the values as the bank gave them: nothing for what the user entered."""
    manual = body.get("is_manual", False)
    setter = "USER" if manual else "FEED"
    given = {
        name: setter if body.get(name) is not None else None
        for name in ("amount", "currency_code", "date", "check_number")
    }
    given["date"] = setter
    cleaned = dict.fromkeys(("category", "description"), "USER" if manual else "SYSTEM")
    cleaned |= {name: "USER" for name in body.get("set_by_user", ()) if name in ("category", "date", "description")}
    feed = (
        {}
        if manual
        else {
            "amount": body.get("amount"),
            "currency_code": body.get("currency_code"),
            "description": body.get("original_description"),
            "memo": body.get("memo"),
            "posted_at": body.get("posted_at"),
            "status": body.get("status"),
            "transacted_at": body.get("transacted_at"),
            "transaction_type": body.get("type"),
        }
    )
    flags = {name: bool(body.get(name)) for name in ("has_been_split", "has_been_viewed", "is_flagged", "is_hidden")}
    return {
        **{f"{name}_set_by": value for name, value in (given | cleaned).items()},
        **{f"feed_{n}": v for n, v in feed.items()},
        **flags,
    }

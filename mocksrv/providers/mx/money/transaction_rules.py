"""Transaction rules: what a description says decides a transaction's category, and may be replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from marshmallow import fields, validate

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank import resources
from mocksrv.providers.mx.bank.categories import Category, labels
from mocksrv.providers.mx.bank.resources import SPLIT
from mocksrv.providers.mx.catalog import categories
from mocksrv.providers.mx.events.changes import CategoryReplaced, SpendingChanged, after, follow
from mocksrv.providers.mx.events.collection import Collection
from mocksrv.providers.mx.http.call import Call, MXError, Routes
from mocksrv.providers.mx.http.schemas import Document, Moment
from mocksrv.providers.mx.http.versions import Versioned

routes = Routes()
TEXT = validate.Length(1, 1024)

Apply = Callable[[dict[str, Any]], bool]


class TransactionRuleSchema(Document):
    """A rule, as read and as written."""

    category_guid = fields.String(required=True)
    created_at = Moment(dump_only=True)
    description = fields.String(validate=TEXT)
    guid = fields.String(dump_only=True)
    match_description = fields.String(required=True, validate=TEXT)
    updated_at = Moment(dump_only=True)
    user_guid = fields.String(dump_only=True)


SCHEMA = Versioned("transaction_rule", TransactionRuleSchema)


class TransactionRule(NamedTuple):
    """A rule, ready to be applied. Without a category or a description it leaves those as they are."""

    match: str  # folded
    category: Category | None
    description: str | None

    @classmethod
    def of(cls, world: World, record: Record) -> TransactionRule:
        guid = record.body["category_guid"]
        category = categories.find(world, record.owner, guid) if guid else None
        return cls(record.body["match_description"].casefold(), category, record.body["description"])

    def meets(self, description: str | None) -> bool:
        """Whether a description has the rule's text in it, in capitals or not."""
        return self.match in (description or "").casefold()

    def apply(self, body: dict[str, Any]) -> bool:
        """Changes the body of a transaction that the rule meets; whether anything was changed."""
        shown = labels(self.category, credit=body["type"] == "CREDIT") if self.category else {}
        if self.description is not None:
            shown["description"] = self.description
        changed = any(body.get(name) != value for name, value in shown.items())
        body.update(shown)
        return changed


def applier(world: World, user: str) -> Apply | None:
    """What applies a user's rules to the body of a new transaction, and tells whether that changed it: the newest rule
    that meets it. None when there are no rules.
    """
    rules = [
        TransactionRule.of(world, record)
        for record in world.list(Query(rules_of_users.kind, owner=user, newest_first=True))
    ]
    return _of(rules) if rules else None


def apply_rules(world: World, user: str, body: dict[str, Any]) -> None:
    """Applies a user's rules to the body of a single new transaction."""
    apply = applier(world, user)
    if apply is not None:
        apply(body)


def _of(rules: Sequence[TransactionRule]) -> Apply:
    def apply(body: dict[str, Any]) -> bool:
        rule = next((rule for rule in rules if rule.meets(body["description"])), None)
        return rule.apply(body) if rule else False

    return apply


class TransactionRules(Collection):
    """Rules: each text once. A rule that is made or changed is the newest (``sort``), and changes what there is
    already.
    """

    def add(self, call: Call, world: World, user: Record, given: dict[str, Any], **keys: Any) -> Record:
        """A second rule for the same text takes the place of the first."""
        same = self._same(world, user, given["match_description"])
        if same is None:
            return super().add(call, world, user, given, **keys)
        given = {**self.defaults, **given}
        self.prepare(call, world, user, same, given)
        same.body.update(given)
        world.save(same)
        self.changed(world, user, same, "updated")
        return same

    def _same(self, world: World, user: Record, match: str) -> Record | None:
        rules = world.list(Query(self.kind, owner=user.guid))
        return next((rule for rule in rules if rule.body["match_description"].casefold() == match.casefold()), None)

    def prepare(self, call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> None:
        guid = given.get("category_guid")
        if guid is not None and categories.find(world, user.guid, guid) is None:
            raise MXError(422, f"transaction_rule.category_guid: there is no category {guid}")
        same = self._same(world, user, given["match_description"]) if "match_description" in given else None
        if same is not None and same.guid != record.guid:
            raise MXError(409, f"A rule for {given['match_description']} exists already")
        newest = world.list(Query(self.kind, owner=user.guid, newest_first=True, limit=1))
        record.sort = newest[0].sort + 1 if newest else 1

    def changed(self, world: World, user: Record, record: Record, action: str) -> None:
        """Applies a new or changed rule to the user's transactions; what a deleted one has done stays."""
        if action == "deleted":
            return
        rule = TransactionRule.of(world, record)
        for kind in ("mx.transaction", SPLIT):
            rows = world.values(Query(kind, owner=user.guid), "description", "type")
            met = [guid for guid, _, _, _, description, _ in rows if rule.meets(description)]
            for transaction in world.list(Query(kind, guids=met)) if met else []:
                if rule.apply(transaction.body):
                    world.save(transaction)
                    resources.TRANSACTION.emit(world, "updated", transaction)
        follow(world, SpendingChanged(user.guid))


rules_of_users = TransactionRules(
    "mx.transaction_rule",
    prefix="TXR",
    one="transaction_rule",
    many="transaction_rules",
    schema=SCHEMA,
    defaults={"description": None},
)
rules_of_users.mount(
    routes,
    "/users/<user>/transaction_rules",
    list="listTransactionRules",
    create="createTransactionRule",
    read="readTransactionRule",
    update="updateTransactionRule",
    delete="deleteTransactionRule",
)


@after(CategoryReplaced)
def follow_category(world: World, change: CategoryReplaced) -> None:
    """Rules for a category that is gone lead to the one in its place."""
    for rule in world.list(categories.naming(change.category.guid, change.user, rules_of_users.kind)):
        rule.body["category_guid"] = change.parent
        world.save(rule)

"""Mono Connect without its pages: what a user does in the widget, as a control call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from mocksrv.engine.acting import Actions
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.choosing import Choice, Credentials
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.scenarios.model import OUTCOMES
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import sentence
from mocksrv.providers.mono.bank.institutions import ANY, Institution
from mocksrv.providers.mono.control import ConnectAnswer, ConnectBody
from mocksrv.providers.mono.customers import CUSTOMER, add_customer, find_customer
from mocksrv.providers.mono.http import ACCOUNTS, MonoError, Mount, linked
from mocksrv.providers.mono.linking import (
    LINK,
    TOKEN,
    CustomerSchema,
    choose_scenario,
    code_of,
    link_account,
    living,
)
from mocksrv.providers.provider import ControlRoute, Refusal


class Widget:
    """Mono Connect without its pages: picks an institution, signs in, and links an account as its scenario says."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount
        self._engine = mount.engine

    def routes(self) -> list[ControlRoute]:
        refusals = {
            404: "the token is none, or has expired; or there is no such account",
            409: "the reauthorisation has failed",
        }
        summary = "Plays Mono's widget: links an account, or with a token or an account's id reauthorises one."
        return [ControlRoute("POST", "/mono/connect", self.connect, summary, ConnectBody, ConnectAnswer, refusals)]

    def connect(self, sandbox: Sandbox, given: Mapping[str, Any]) -> dict[str, str]:
        """The code that the app's `onSuccess` gets. ``token``: of a reauthorisation, or a hosted link (its code or its
        URL); ``account``: the id of the account that is reauthorised, without a token.

        Raises Refusal.
        """
        if given.get("token") and given.get("account"):
            raise Refusal(422, "account: a token says already which account it is of; give one of the two")
        with self._engine.change(sandbox) as world:
            link = world.get(LINK, given["token"].partition("?")[0].rpartition("/")[2]) if given.get("token") else None
            token = living(world, TOKEN, given["token"]) if given.get("token") and link is None else None
            if given.get("token") and link is None and token is None:
                raise Refusal(
                    404, f"token: {given['token']!r} is no token of a reauthorisation and no link, or it has expired"
                )
            again = token.body["account"] if token else link.body["account"] if link else given.get("account")
            account = self.again(world, again, link) if again else self.link(world, given, link)
            code = code_of(world, account)
        if again and account.body["status"] == "REAUTHORISATION_REQUIRED":
            raise Refusal(
                409, f"the reauthorisation of {account.guid} has failed: it still is {account.body['status']}"
            )
        return {"code": code}

    def again(self, world: World, id: str, link: Record | None) -> Record:
        account = world.get(ACCOUNTS, id)
        if account is None or not linked(account):
            raise Refusal(404, f"there is no linked account {id}")
        if link and link.body["ref"]:
            account.body["ref"] = link.body["ref"]
            world.save(account)
        self._engine.player.start(world, account, "reauthorise")
        return account

    def link(
        self,
        world: World,
        given: Mapping[str, Any],
        link: Record | None,
        *,
        choice: Choice | None = None,
        place: int | None = None,
    ) -> Record:
        """Links an account. ``choice``: of its scenario, where that has been chosen at the login; ``place``: which of
        the person's accounts it is. Raises Refusal.
        """
        said = link.body if link else {}
        institution = self._institution(world, given.get("institution") or said.get("institution") or ANY)
        method = given.get("auth_method") or said.get("auth_method") or institution.methods[0]
        ref = given.get("ref") or said.get("ref")
        if choice is None:
            nobody = Credentials(institution.identifier, None, None)
            choice = self.choose(world, institution, nobody, given.get("scenario") or said.get("scenario"))
        customer = self.customer(world, given, link)
        match = said.get("account_match")
        return link_account(
            self._mount, world, customer, institution, method, choice, ref=ref, match=match, place=place
        )

    def choose(self, world: World, institution: Institution, login: Credentials, scenario: str | None) -> Choice:
        """The scenario of a new account; ``scenario``: the one that was asked for. Raises Refusal."""
        try:
            return choose_scenario(self._mount, world, institution, login, scenario)
        except UnknownScenario as unknown:
            raise Refusal(422, f"scenario: {unknown}") from None

    def _institution(self, world: World, wanted: str) -> Institution:
        found = self._mount.institutions.of(world.sandbox.scenarios).find(wanted)
        if found is None:
            raise Refusal(
                422, f"institution: {wanted!r} is not known; GET /mono/coverage lists them by name, or say 'any'"
            )
        return found

    def customer(self, world: World, given: Mapping[str, Any], link: Record | None) -> Record:
        """The customer of the link, or the one that the app gave the widget, or that of its ``ref``; where nobody is
        named, an invented one. Raises Refusal.
        """
        known_by_link = world.get(CUSTOMER, link.owner) if link else None
        if known_by_link is not None:
            return known_by_link
        ref, named = given.get("ref") or (link.body["ref"] if link else None), given.get("customer")
        if named:
            try:
                return find_customer(world, CustomerSchema().load(named), ref)
            except MonoError as error:
                raise Refusal(422, f"customer: {error}") from None
            except ValidationError as error:
                raise Refusal(422, sentence("customer", error.messages)) from None
        known = world.list(Query(CUSTOMER, body={"person": ref}, limit=1)) if ref else []
        if known:
            return known[0]
        self._mount.people.need(world)
        person = self._mount.people.identity(f"{world.sandbox.seed}:{world.guid()}")
        return add_customer(world, person["name"], person["email"], person=ref, named=bool(ref))


class WidgetActions(Actions):
    """What the user does in the widget: agrees to a hosted link, or to the reauthorisation of an account, by its id or
    a token; or closes it, which changes nothing.
    """

    def __init__(self, mount: Mount) -> None:
        super().__init__(mount.engine.player, "mono")
        self._widget = Widget(mount)

    def find(self, world: World, id: str) -> Record | None:
        return super().find(world, id) or world.get(LINK, id) or living(world, TOKEN, id)

    def possible(self, world: World, record: Record) -> Sequence[str]:
        leads = record.play is None and (record.kind == TOKEN or bool(record.body["account"]))
        if record.play is None and not leads:
            return ("approve",)
        waits = leads or record.body["status"] == "REAUTHORISATION_REQUIRED"
        return super().possible(world, record) or (tuple(OUTCOMES) if waits else ())

    def perform(self, world: World, record: Record, do: str, answers: Sequence[str]) -> str:
        if super().possible(world, record):
            return super().perform(world, record, do, answers)
        link = record if record.kind == LINK else None
        guid = record.body["account"] if record.play is None else record.guid
        if guid is None:
            return self._widget.link(world, {}, link).guid
        account = world.record(guid)
        if do != "approve" and account is not None:  # one that is gone is refused below
            world.mark(account, f"the widget: {OUTCOMES[do]}")
            return str(guid)
        return self._widget.again(world, guid, link).guid

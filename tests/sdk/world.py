"""What the SDK's cases stand on: every operation under one roof, each answer looked at; and a client's world, made by
SDK calls.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import cached_property, partial
from itertools import count
from typing import Any

import mx_platform_python as sdk
from mx_platform_python import api as apis
from mx_platform_python.exceptions import NotFoundException

from tests.conftest import MX

# Members of answers that are not in MX's OpenAPI file, of which the SDK is made (docs/discrepancies.md); the SDK passes
# over them.
BEYOND = {"error", "credit_card_product_guid", "budgets"}
OPERATIONS: dict[str, type] = {
    name: group
    for group in vars(apis).values()
    if inspect.isclass(group) and group.__name__.endswith("Api")
    for name in vars(group)
    if not name.startswith("_") and not name.endswith("_with_http_info") and callable(getattr(group, name))
}


class SDK:
    """The operations of all API classes of the SDK as methods: ``SDK(client).create_user(...)``.

    Each answer must be of the type that the SDK promises, and show all that the body says: nothing is lost on the way
    through the SDK. ``read`` are the operations whose answers were read so far, with the names of the events that each
    caused, if ``watch`` tells those since it was last asked.
    """

    def __init__(self, client: sdk.ApiClient, watch: Callable[[], list[str]] = list) -> None:
        self.client = client
        self.read: dict[str, set[str]] = {}
        self.watch = watch
        self.seen: Callable[[str, Any], None] = lambda name, response: None  # what else is to be done with each answer

    def with_token(self, token: str) -> SDK:
        """The SDK of a processor, which adds to what this one has read."""
        configuration = sdk.Configuration(host=self.client.configuration.host, access_token=token)
        made = SDK(sdk.ApiClient(configuration, "Accept", self.client.default_headers["Accept"]), self.watch)
        made.read, made.seen = self.read, self.seen
        return made

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS:
            raise AttributeError(f"the SDK has no operation {name}")
        return partial(self._call, name)

    def _call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        method = getattr(OPERATIONS[name](self.client), name)
        self.watch()
        answer = method(*args, **kwargs)
        look_at(answer, inspect.signature(method).return_annotation, self.client.last_response)
        self.seen(name, self.client.last_response)
        self.read.setdefault(name, set()).update(self.watch())
        return answer


def look_at(answer: Any, promised: Any, response: Any) -> None:
    """Asserts that an answer is what the SDK promises for it."""
    if promised is None:
        assert (answer, response.status, response.data) == (None, 204, "")
    elif promised is bytearray:
        assert isinstance(answer, (bytes, bytearray))
    else:
        assert isinstance(answer, promised), (
            f"{promised.__name__} is promised, {answer!r} came with {response.status} {response.data}"
        )
        assert plain(answer.to_dict()) == plain(json.loads(response.data))


def plain(value: Any) -> Any:
    """JSON without nulls and without what is beyond the SDK."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if inner is not None and name not in BEYOND}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def gone(call: Callable[..., Any], *args: Any) -> bool:
    """Whether the API knows no such thing any more."""
    try:
        call(*args)
    except NotFoundException:
        return True
    return False


class World:
    """A client of the API: a user with a member at MX Bank of which everything was fetched, and what else a case needs,
    made on demand.

    Guids are attributes (``world.tag``) where one is enough, methods (``world.new_tag()``) where a case uses it up.
    """

    def __init__(self, client: sdk.ApiClient, control: MX, *, watched: bool = False) -> None:
        self.control = control
        self.sdk = SDK(client, self.fresh_events if watched else list)
        self._seen = ""
        self._number = count(1)

    def unique(self, what: str) -> str:
        return f"{what}-{next(self._number)}"

    def advance(self, by: str = "10s") -> None:
        """Time passes: jobs end."""
        self.control.advance(by)

    def fresh_events(self) -> list[str]:
        """The names of the events since the last look."""
        found: list[str] = []
        while True:
            page = self.control.control("GET", f"/webhooks?limit=1000{self._seen}")["webhooks"]
            if not page:
                return found
            found += [event["event"] for event in page]
            self._seen = f"&after={page[-1]['id']}"

    # users and members

    @cached_property
    def user(self) -> str:
        return self.new_user()

    def new_user(self) -> str:
        request = sdk.UserCreateRequest(id=self.unique("user"), email="ada@example.com", metadata="test")
        guid: str = self.sdk.create_user(sdk.UserCreateRequestBody(user=request)).user.guid
        return guid

    def credentials(self, password: str) -> list[sdk.CredentialRequest]:
        form = self.sdk.list_institution_credentials("mxbank").credentials
        values = {"LOGIN": "mxuser", "PASSWORD": password}
        return [sdk.CredentialRequest(guid=field.guid, value=values[field.field_type]) for field in form]

    def new_member(self, user: str, password: str = "password") -> str:
        """A member whose first job has ended, or waits for an answer."""
        request = sdk.MemberCreateRequest(
            institution_code="mxbank", id=self.unique("member"), metadata="test", credentials=self.credentials(password)
        )
        guid: str = self.sdk.create_member(user, sdk.MemberCreateRequestBody(member=request)).member.guid
        self.advance()
        return guid

    def connected(self) -> tuple[str, str]:
        """A new user and a connected member of theirs."""
        user = self.new_user()
        return user, self.new_member(user)

    def new_oauth_member(self, user: str) -> str:
        """A member that waits for its user at the bank's page. Credentials are for others, but the SDK's model wants a
        list.
        """
        request = sdk.MemberCreateRequest(institution_code="mx_bank_oauth", is_oauth=True, credentials=[])
        guid: str = self.sdk.create_member(user, sdk.MemberCreateRequestBody(member=request)).member.guid
        return guid

    @cached_property
    def member(self) -> str:
        member = self.new_member(self.user)
        self.verify(self.user, member)
        for job in (self.sdk.identify_member, self.sdk.fetch_statements):
            job(member, self.user)
            self.advance()
        self.sdk.fetch_rewards(self.user, member)
        self.advance()
        return member

    def verify(self, user: str, member: str) -> None:
        """Verifies the first account that is offered."""
        self.sdk.verify_member(member, user)
        self.advance()
        challenge = self.sdk.read_member_status(member, user).member.challenges[0]
        self.answer(user, member, challenge.guid, challenge.options[0].value)
        self.advance()

    def answer(self, user: str, member: str, challenge: str, value: str) -> Any:
        answers = [sdk.CredentialRequest(guid=challenge, value=value)]
        request = sdk.MemberResumeRequest(challenges=answers)
        return self.sdk.resume_aggregation(member, user, sdk.MemberResumeRequestBody(member=request)).member

    # accounts and transactions

    @cached_property
    def accounts(self) -> dict[str, str]:
        """Type -> guid, of the connected member."""
        return {
            account.type: account.guid for account in self.sdk.list_member_accounts(self.user, self.member).accounts
        }

    @property
    def checking(self) -> str:
        return self.accounts["CHECKING"]

    @cached_property
    def transaction(self) -> Any:
        """A debit of the checking account."""
        found = self.sdk.list_transactions_by_account(self.checking, self.user, records_per_page=100).transactions
        return next(each for each in found if each.type == "DEBIT")

    def new_manual_account(self, user: str | None = None) -> str:
        request = sdk.AccountCreateRequest(account_type="SAVINGS", name=self.unique("Jar"), balance=100)
        guid: str = self.sdk.create_manual_account(
            user or self.user, sdk.AccountCreateRequestBody(account=request)
        ).account.guid
        return guid

    def new_manual_transaction(self, account: str, amount: float = 12.34) -> Any:
        request = sdk.TransactionCreateRequest(
            amount=amount, date="2025-12-30", description="Whole foods", type="DEBIT"
        )
        return self.sdk.create_manual_transaction(
            self.user, account, sdk.TransactionCreateRequestBody(transaction=request)
        )

    @cached_property
    def categories(self) -> dict[str, str]:
        """Name -> guid, of the default ones."""
        pages = [self.sdk.list_default_categories(page=page, records_per_page=100).categories for page in (1, 2)]
        return {category.name: category.guid for page in pages for category in page}

    def new_category(self) -> str:
        request = sdk.CategoryCreateRequest(
            name=self.unique("Online Shopping"), parent_guid=self.categories["Shopping"], metadata="test"
        )
        guid: str = self.sdk.create_category(self.user, sdk.CategoryCreateRequestBody(category=request)).category.guid
        return guid

    # what belongs to a user

    def new_tag(self) -> str:
        guid: str = self.sdk.create_tag(
            self.user, sdk.TagCreateRequestBody(tag=sdk.TagCreateRequest(name=self.unique("TAG")))
        ).tag.guid
        return guid

    def new_tagging(self, tag: str) -> str:
        request = sdk.TaggingCreateRequest(tag_guid=tag, transaction_guid=self.transaction.guid)
        guid: str = self.sdk.create_tagging(self.user, sdk.TaggingCreateRequestBody(tagging=request)).tagging.guid
        return guid

    def new_rule(self) -> str:
        request = sdk.TransactionRuleCreateRequest(
            category_guid=self.categories["Pets"], match_description=self.unique("Wal-mart")
        )
        body = sdk.TransactionRuleCreateRequestBody(transaction_rule=request)
        guid: str = self.sdk.create_transaction_rule(self.user, body).transaction_rule.guid
        return guid

    def new_budget(self, user: str, category: str) -> str:
        """A budget for a category at the top, which has no parent, though the SDK's model wants one."""
        request = sdk.BudgetCreateRequest.construct(category_guid=self.categories[category], amount=500)
        guid: str = self.sdk.create_budget(user, sdk.BudgetCreateRequestBody.construct(budget=request)).budget.guid
        return guid

    def new_goal(self, user: str, account: str) -> str:
        request = sdk.GoalRequest(
            account_guid=account,
            amount=4500.5,
            goal_type_name="SAVE_AMOUNT",
            meta_type_name="VACATION",
            name=self.unique("Save"),
        )
        guid: str = self.sdk.create_goal(user, sdk.GoalRequestBody(goal=request)).goal.guid
        return guid

    @cached_property
    def notification(self) -> str:
        guid: str = self.sdk.create_notification(self.user, "Ready.", "Report").notification.guid
        return guid

    @cached_property
    def plan(self) -> str:
        guid: str = self.sdk.create_spending_plan(self.user).guid
        return guid

    def new_item(self) -> str:
        request = sdk.SpendingPlanIterationItemCreateRequestBody(
            planned_amount=110, category_guid=self.categories["Groceries"], item_type=1
        )
        guid: str = self.sdk.create_spending_plan_iteration_item(self.plan, self.user, request).guid
        return guid

    def new_microdeposit(self, user: str) -> str:
        """A microdeposit to an account number that MX's integration environment takes for valid."""
        request = sdk.MicrodepositElements(
            account_number=f"3333{next(self._number):06}",
            account_type="CHECKING",
            routing_number="091000019",
            account_name="My test",
            email="ada@example.com",
            first_name="Ada",
            last_name="Byron",
        )
        guid: str = (
            self.sdk.create_microdeposit(user, sdk.MicrodepositRequestBody(micro_deposit=request)).micro_deposit[0].guid
        )
        return guid

    def new_ach_return(self) -> Any:
        request = sdk.ACHReturnCreateRequest(
            id=self.unique("ach"),
            user_guid=self.user,
            member_guid=self.member,
            account_guid=self.checking,
            return_code="R01",
        )
        return self.sdk.create_ach_return(sdk.ACHReturnCreateRequestBody(ach_return=request)).ach_return

    # what MX finds

    @cached_property
    def insights(self) -> list[Any]:
        assert self.member
        found: list[Any] = self.sdk.list_insights_user(self.user, records_per_page=100).insights
        return found

    def insight_with(self, what: str) -> Any:
        """An insight that has accounts, categories, merchants, transactions."""
        return next(each for each in self.insights if getattr(each, f"has_associated_{what}"))

    # the partner's own data

    @cached_property
    def managed_member(self) -> str:
        return self.new_managed_member()

    def new_managed_member(self) -> str:
        code = self.sdk.list_managed_institutions().institutions[0].code
        request = sdk.ManagedMemberCreateRequest(
            institution_code=code, id=self.unique("managed"), name="Ours", metadata="test"
        )
        guid: str = self.sdk.create_managed_member(
            self.user, sdk.ManagedMemberCreateRequestBody(member=request)
        ).member.guid
        return guid

    @cached_property
    def managed_account(self) -> str:
        return self.new_managed_account()

    def new_managed_account(self) -> str:
        request = sdk.ManagedAccountCreateRequest(
            id=self.unique("account"), name="Ours", type="SAVINGS", balance=1000.5
        )
        body = sdk.ManagedAccountCreateRequestBody(account=request)
        guid: str = self.sdk.create_managed_account(self.managed_member, self.user, body).account.guid
        return guid

    def new_managed_transaction(self) -> str:
        request = sdk.ManagedTransactionCreateRequest(
            amount="61.11",
            description="Whole foods",
            id=self.unique("transaction"),
            status="POSTED",
            type="DEBIT",
            posted_at="2025-12-30T06:00:00.000Z",
            transacted_at="2025-12-29T13:00:00.000Z",
        )
        body = sdk.ManagedTransactionCreateRequestBody(transaction=request)
        made = self.sdk.create_managed_transaction(self.managed_account, self.managed_member, self.user, body)
        guid: str = made.transaction.guid
        return guid

    # a processor

    @property
    def scope(self) -> str:
        return f"user-guid:{self.user} member-guid:{self.member} account-guid:{self.checking} read-protected"

    @cached_property
    def processor(self) -> SDK:
        """The SDK with a token. The SDK (and the OpenAPI file) has no operation that trades a code for one."""
        request = sdk.AuthorizationCodeRequestBody(authorization_code=sdk.AuthorizationCodeRequest(scope=self.scope))
        code = self.sdk.request_authorization_code(request).authorization_code.code
        token = self.control.call("POST", f"/token?grant_type=authorization_code&code={code}")["access_token"]
        return self.sdk.with_token(token)

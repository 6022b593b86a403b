"""A world with enough of everything to turn pages in, made through the API. What is needed of it is made when it is
first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from tests.conftest import MX

# A user may have 25 members, managed ones among them.
MANY = 27  # more than the pages of 25 that come without asking


class Populated:
    """Its attributes are what stands in the paths of operations: ``user``, ``member``, ``account`` ..."""

    institution = "mxbank"

    def __init__(self, mx: MX) -> None:
        self.mx = mx
        self.made_at: dict[str, str] = {}  # notifications do not show it

    @property
    def now(self) -> str:
        now: str = self.mx.control("GET", "/clock")["now"]
        return now

    def make(self, path: str, key: str, body: dict[str, Any], many: int = 1) -> list[str]:
        """Creates things; their guids."""
        made = [self.mx.call("POST", path, body) for _ in range(many)]
        return [answer.get(key, answer)["guid"] for answer in made]

    def rows(self, path: str, key: str) -> Any:
        return self.mx.call("GET", path)[key]

    @cached_property
    def users(self) -> list[str]:
        return [
            self.mx.user(id=f"user-{number}", email=f"user{number % 4}@example.com", is_disabled=number % 3 == 0)
            for number in range(MANY)
        ]

    # a user with members

    @cached_property
    def user(self) -> str:
        return self.mx.user(id="the-one", email="ada@example.com")

    @cached_property
    def member(self) -> str:
        """A member of MX Bank of which everything was fetched."""
        guid: str = self.mx.create(self.user, use_cases=["PFM"])["guid"]
        self.mx.advance("1m")
        self._job(guid, "verify")
        self.mx.answer(self.user, guid, self.mx.status(self.user, guid)["challenges"][0]["options"][0]["value"])
        self.mx.advance("1d")
        for verb in ("identify", "fetch_statements", "fetch_rewards", "extend_history"):
            self._job(guid, verb)
            self.mx.advance("1d")
        return guid

    def _job(self, member: str, verb: str) -> None:
        self.mx.call("POST", f"/users/{self.user}/members/{member}/{verb}")
        self.mx.advance("1m")

    @cached_property
    def members(self) -> list[str]:
        """Members with and without use cases, one of them with data, most without."""
        wanted = ([], ["PFM"], ["MONEY_MOVEMENT"], ["PFM", "MONEY_MOVEMENT"])
        idle = [
            self.mx.create(self.user, password=f"idle-{number}", skip_aggregation=True, use_cases=wanted[number % 4])[
                "guid"
            ]
            for number in range(9)
        ]
        other = self.mx.create(self.user, password="other", use_cases=["MONEY_MOVEMENT"])["guid"]
        self.mx.advance("1m")
        return [self.member, *idle, other]

    @property
    def asked(self) -> str:
        """A new user, whose member ``challenged`` waits for an answer, for the two minutes that it does."""
        user = self.mx.user()
        self.challenged = self.mx.create(user, password="options")["guid"]
        self.mx.advance("10s")
        return user

    # accounts and transactions

    def account_of(self, type: str) -> str:
        accounts = self.rows(f"/users/{self.user}/members/{self.member}/accounts", "accounts")
        guid: str = next(account["guid"] for account in accounts if account["type"] == type)
        return guid

    @cached_property
    def account(self) -> str:
        return self.account_of("CHECKING")

    @cached_property
    def investment(self) -> str:
        return self.account_of("INVESTMENT")

    @cached_property
    def manual_accounts(self) -> list[str]:
        body = {"account": {"account_type": "SAVINGS", "name": "Jar", "balance": 10}}
        return self.make(f"/users/{self.user}/accounts", "account", body, MANY)

    @cached_property
    def manual_transactions(self) -> list[str]:
        """Entered one day after the other, and some of them changed another day later."""
        account, made = self.manual_accounts[0], []
        for day in range(9):
            body = {"amount": 5 + day, "date": f"2025-12-{10 + day}", "description": "Whole foods", "type": "DEBIT"}
            made += self.make(
                f"/users/{self.user}/accounts/{account}/transactions", "transaction", {"transaction": body}, 3
            )
            self.mx.advance("1d")
        for guid in made[::4]:
            self.mx.call("PUT", f"/users/{self.user}/transactions/{guid}", {"transaction": {"description": "changed"}})
        return made

    @cached_property
    def categories(self) -> dict[str, str | None]:
        """Guid of a category -> guid of its parent."""
        found: dict[str, str | None] = {}
        for path in ("/categories/default", f"/users/{self.user}/categories"):
            for page in (1, 2):
                rows = self.rows(f"{path}?records_per_page=100&page={page}", "categories")
                found |= {category["guid"]: category["parent_guid"] for category in rows}
        return found

    # what belongs to the user

    @cached_property
    def own_categories(self) -> list[str]:
        parent = next(guid for guid, parent in self.categories.items() if parent is None)
        bodies = ({"category": {"name": f"Mine {number}", "parent_guid": parent}} for number in range(12))
        return [self.make(f"/users/{self.user}/categories", "category", body)[0] for body in bodies]

    @cached_property
    def tags(self) -> list[str]:
        return [
            self.make(f"/users/{self.user}/tags", "tag", {"tag": {"name": f"tag {number}"}})[0]
            for number in range(MANY)
        ]

    @cached_property
    def tag(self) -> str:
        """A tag on many transactions."""
        assert self.taggings
        return self.tags[0]

    @cached_property
    def taggings(self) -> list[str]:
        rows = self.rows(
            f"/users/{self.user}/members/{self.member}/transactions?records_per_page={MANY}", "transactions"
        )
        found = [row["guid"] for row in rows] + self.manual_transactions[:9]
        bodies = ({"tagging": {"tag_guid": self.tags[0], "transaction_guid": guid}} for guid in found)
        return [self.make(f"/users/{self.user}/taggings", "tagging", body)[0] for body in bodies]

    @cached_property
    def rules(self) -> list[str]:
        category = next(iter(self.categories))
        bodies = (
            {"transaction_rule": {"category_guid": category, "match_description": f"nothing {n}"}} for n in range(12)
        )
        return [self.make(f"/users/{self.user}/transaction_rules", "transaction_rule", body)[0] for body in bodies]

    @cached_property
    def goals(self) -> list[str]:
        goal = {"amount": 4500, "goal_type_name": "SAVE_AMOUNT", "meta_type_name": "VACATION", "name": "Save"}
        body = {"goal": {**goal, "account_guid": self.manual_accounts[0]}}
        return self.make(f"/users/{self.user}/goals", "goal", body, 12)

    @cached_property
    def notifications(self) -> list[str]:
        made = []
        for number in range(12):
            made += self.make(f"/users/{self.user}/notifications?content=c&subject=s{number}", "notification", {})
            self.made_at[made[-1]] = self.now
            self.mx.advance("12h")
        return made

    @cached_property
    def plans(self) -> list[str]:
        return self.make(f"/users/{self.user}/spending_plans", "spending_plan", {})

    @cached_property
    def plan(self) -> str:
        assert self.member
        return self.plans[0]

    @cached_property
    def items(self) -> list[str]:
        path = f"/users/{self.user}/spending_plans/{self.plan}/iterations/current/iteration_items"
        return self.make(path, "iteration_item", {"planned_amount": 10, "item_type": 2}, 12)

    @cached_property
    def item(self) -> str:
        return self.items[0]

    @cached_property
    def plan_account(self) -> str:
        guid: str = self.rows(
            f"/users/{self.user}/spending_plans/{self.plan}/spending_plan_accounts", "spending_plan_accounts"
        )[0]["guid"]
        return guid

    @cached_property
    def deposits(self) -> list[str]:
        body = {
            "account_name": "My",
            "account_type": "CHECKING",
            "routing_number": "091000019",
            "email": "a@example.com",
        }
        names = {"first_name": "Ada", "last_name": "Byron"}
        bodies = ({"micro_deposit": {**body, **names, "account_number": f"3333{n:06}"}} for n in range(12))
        answers = [self.mx.call("POST", f"/users/{self.user}/micro_deposits", body)["micro_deposit"] for body in bodies]
        return [(answer[0] if isinstance(answer, list) else answer)["guid"] for answer in answers]

    @cached_property
    def returns(self) -> list[str]:
        """ACH returns with three codes, on different days, some of them further on than others."""
        made = []
        for number in range(MANY):
            body = {
                "id": f"ach-{number}",
                "user_guid": self.user,
                "member_guid": self.member,
                "account_guid": self.account,
                "return_code": f"R0{1 + number % 3}",
                "returned_at": f"2025-12-{10 + number % 5}T08:00:00+00:00",
            }
            made += self.make("/ach_returns", "ach_return", {"ach_return": body})
            self.mx.advance("6h")
        return made

    # what MX finds

    @cached_property
    def insights(self) -> list[dict[str, Any]]:
        assert self.member
        found: list[dict[str, Any]] = self.rows(f"/users/{self.user}/insights?records_per_page=100", "insights")
        return found

    def insight_with(self, what: str) -> str:
        guid: str = next(insight["guid"] for insight in self.insights if insight[f"has_associated_{what}"])
        return guid

    def __getattr__(self, name: str) -> Any:
        """``insight_with_accounts`` and so on, and the account and transaction that have an insight."""
        if name.startswith("insight_with_"):
            return self.insight_with(name.removeprefix("insight_with_"))
        if name in ("told_account", "told_transaction"):
            what = f"{name.removeprefix('told_')}s"
            return self.rows(f"/users/{self.user}/insights/{self.insight_with(what)}/{what}", what)[0]["guid"]
        raise AttributeError(name)

    # the partner's own data

    @cached_property
    def managed_members(self) -> list[str]:
        codes = [each["code"] for each in self.rows("/managed_institutions", "institutions")]
        bodies = ({"member": {"institution_code": codes[n % len(codes)], "id": f"managed-{n}"}} for n in range(11))
        return [self.make(f"/users/{self.user}/managed_members", "member", body)[0] for body in bodies]

    @cached_property
    def managed_member(self) -> str:
        return self.managed_members[0]

    @cached_property
    def managed_accounts(self) -> list[str]:
        path = f"/users/{self.user}/managed_members/{self.managed_member}/accounts"
        bodies = (
            {"account": {"id": f"account-{n}", "name": "Ours", "type": "SAVINGS", "balance": 10}} for n in range(12)
        )
        return [self.make(path, "account", body)[0] for body in bodies]

    @cached_property
    def managed_account(self) -> str:
        return self.managed_accounts[0]

    @cached_property
    def managed_transactions(self) -> list[str]:
        path = f"/users/{self.user}/managed_members/{self.managed_member}/accounts/{self.managed_account}/transactions"
        made = []
        for number in range(MANY):
            day = f"2025-{1 + number % 12:02}-{1 + number:02}T12:00:00Z"
            body = {
                "id": f"t-{number}",
                "amount": "61.11",
                "description": "Whole foods",
                "status": "POSTED",
                "type": "DEBIT",
                "posted_at": day,
                "transacted_at": day,
            }
            made += self.make(path, "transaction", {"transaction": body})
        return made

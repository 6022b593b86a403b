"""The rows of docs/discrepancies.md, and worlds of both fidelities to look at what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mocksrv.providers.mx.http.versions import V2
from tests.conftest import MX, started
from tests.providers.mx.populated import Populated

DOCUMENT = Path(__file__).parents[3] / "docs" / "discrepancies.md"
IN_V2 = {"Accept": "application/json", "Accept-Version": V2}
TestT = TypeVar("TestT", bound=Callable[..., None])


def rows() -> dict[str, int]:
    """The first cell of each row -> the number of its table: 1 where the fidelities differ, 2 where they agree, 3 for
    callbacks.
    """
    found: dict[str, int] = {}
    table = 0
    for line in DOCUMENT.read_text("utf-8").partition("\n## ")[0].splitlines():
        if line.startswith("| place |"):
            table += 1
        elif line.startswith("| ") and not line.startswith("| ---"):
            found[line.split(" | ")[0].removeprefix("| ")] = table
    return found


def row(cell: str) -> Callable[[TestT], TestT]:
    """Says which row a test is about."""

    def mark(test: TestT) -> TestT:
        test.__dict__["row"] = cell
        return test

    return mark


class Server(Populated):
    """A populated world on a server of one fidelity."""

    def __init__(self, fidelity: str) -> None:
        self.fidelity = fidelity
        self.engine, self.app = started(fidelity=fidelity)
        super().__init__(MX(self.app))

    def apart(self) -> Server:
        """The same server in a fresh sandbox, where months may pass without anything happening to the others."""
        sandboxes = self.mx.control("GET", "/sandboxes")["sandboxes"]
        made = Server.__new__(Server)
        made.fidelity, made.engine, made.app = self.fidelity, self.engine, self.app
        Populated.__init__(made, MX(self.app, f"apart-{len(sandboxes)}"))
        return made

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        return self.mx.call(method, path, body, status=status, headers=headers)

    def v2(self, method: str, path: str, body: Any = None, *, status: int | None = None) -> Any:
        return self.mx.call(method, path, body, status=status, headers=IN_V2)

    def token(self, *, protected: bool = True) -> str:
        """A processor's access token for the checking account."""
        return str(
            self.call("POST", f"/token?grant_type=authorization_code&code={self.code(protected=protected)}")[
                "access_token"
            ]
        )

    def code(self, *, protected: bool = True, user: str = "", member: str = "", account: str = "") -> str:
        scope = (
            f"user-guid:{user or self.user} member-guid:{member or self.member} account-guid:{account or self.account}"
        )
        body = {"authorization_code": {"scope": f"{scope} read-protected" if protected else scope}}
        return str(self.call("POST", "/authorization_code", body)["authorization_code"]["code"])

    def processor(self, path: str, token: str, status: int = 200) -> Any:
        headers = {"Accept": "application/vnd.mx.api.v1+json", "Authorization": f"Bearer {token}"}
        answer = self.mx.http.get(self.mx.prefix + path, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def violations(self, rule: str) -> list[str]:
        """The details of the violations of a rule so far."""
        found = self.mx.control("GET", "/violations?limit=1000")["violations"]
        return [each["detail"] for each in found if each["rule"] == rule]

    def deposit(self, number: str, **more: Any) -> dict[str, Any]:
        """A new microdeposit of this account number, and the user it belongs to."""
        user = self.mx.user()
        account = {"account_number": number, "account_type": "CHECKING", "routing_number": "091000019"}
        person = {"account_name": "My", "email": "a@example.com", "first_name": "Ada", "last_name": "Byron"}
        made = self.one(
            self.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": account | person | more})[
                "micro_deposit"
            ]
        )
        return {**made, "user": user}

    def read_deposit(self, made: dict[str, Any]) -> dict[str, Any]:
        return self.one(self.call("GET", f"/users/{made['user']}/micro_deposits/{made['guid']}")["micro_deposit"])

    @staticmethod
    def one(found: Any) -> dict[str, Any]:
        """A single thing, which the file has as a list of one."""
        return dict(found[0] if isinstance(found, list) else found)

    def everyday(self) -> str:
        """A new user with a member whose data are those of a salaried person."""
        user = self.mx.user()
        self.mx.create(user, institution="amberlock_bank")
        self.mx.advance("1m")
        return user

    def jar(self, user: str, balance: float = 10) -> str:
        """A manual account."""
        body = {"account": {"account_type": "SAVINGS", "name": "Jar", "balance": balance}}
        return self.make(f"/users/{user}/accounts", "account", body)[0]

    def category(self, name: str) -> str:
        for page in (1, 2):
            for found in self.rows(f"/categories/default?records_per_page=100&page={page}", "categories"):
                if found["name"] == name:
                    return str(found["guid"])
        raise KeyError(name)

    def entered(
        self, user: str, account: str, amount: float = 10.0, day: str = "2025-12-30", **more: Any
    ) -> dict[str, Any]:
        """A manual transaction."""
        body = {"amount": amount, "date": day, "description": "Whole foods", "type": "DEBIT", **more}
        return dict(self.call("POST", f"/users/{user}/accounts/{account}/transactions", {"transaction": body}))

"""A small Mono client on a server in this process."""

from __future__ import annotations

from typing import Any

from mocksrv.web.app import App
from tests.conftest import Receiver, SandboxClient

KEY = {"mono-sec-key": "test_sk_example"}
SECRET = "sec_4417"


class Mono(SandboxClient):
    """Calls Mono; the sandbox's callbacks go to ``receiver`` with the webhook secret."""

    def __init__(self, app: App, receiver: Receiver, sandbox: str = "") -> None:
        super().__init__(app, sandbox)
        self.receiver = receiver
        endpoint = {"url": receiver.url, "events": ["mono.*"], "auth": {"type": "mono", "secret": SECRET}}
        self.control("PUT", "/endpoints", {"endpoints": [endpoint]})

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call of Mono; the whole response. ``x_realtime="true"`` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.open(f"{self.prefix}/mono{path}", method=method, json=body, headers=KEY | named)

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Any:
        """One call of Mono; its JSON. ``status`` is asserted."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.get_data(as_text=True)}"
        return answer.get_json()

    def connect(self, status: int = 200, **given: Any) -> Any:
        """What the widget does; the code, or the problem."""
        answer = self.control("POST", "/mono/connect", given, status=status)
        return answer["code"] if status == 200 else answer["detail"]

    def link(self, scenario: str | None = None, **given: Any) -> str:
        """Links an account and waits until its data are there; its id."""
        code = self.connect(
            institution=given.pop("institution", "any"), **({"scenario": scenario} if scenario else {}), **given
        )
        id: str = self.call("POST", "/account/auth", {"code": code})["id"]
        self.advance("2s")
        return id

    def script(self, flows: str, name: str = "mine") -> str:
        """Puts in a scenario; ``flows`` is YAML on one line each."""
        lines = "".join(f"  {line}\n" for line in flows.strip().splitlines())
        return self.put_scenario(name, f"name: {name}\nprovider: mono\nflows:\n{lines}")

    def midnight(self) -> None:
        """Moves the clock to the next midnight."""
        day = self.control("GET", "/clock")["now"][:10]
        self.control("POST", "/clock/advance", {"to": f"{day}T23:59:59.999Z"})
        self.advance("1ms")

    def news(self) -> list[dict[str, Any]]:
        """The bodies of the callbacks that came in since the last look, in their order."""
        self.advance("0s")
        found = self.receiver.bodies()
        self.receiver.received.clear()
        return found

    def events(self) -> list[str]:
        """The same, the names alone."""
        return [body["event"].removeprefix("mono.events.") for body in self.news()]

    def status(self, id: str) -> str:
        """The subject's status, as the control API has it."""
        status: str = self.control("GET", f"/subjects/{id}")["status"]
        return status

    def transactions(self, id: str, **query: Any) -> list[dict[str, Any]]:
        """All transactions, the newest first."""
        text = "&".join(f"{name}={value}" for name, value in {"paginate": "false", **query}.items())
        found: list[dict[str, Any]] = self.call("GET", f"/v2/accounts/{id}/transactions?{text}")["data"]
        return found

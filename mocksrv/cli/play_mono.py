"""Plays one linked account of a Mono scenario: link, the nights, the syncs, and the reauthorisation where one is wanted."""

from __future__ import annotations

from mocksrv.cli.play import Play, counted

CONNECT = "/_mocksrv/mono/connect"


class MonoPlay(Play):
    """One account of one scenario on a stage."""

    refresh = "midnight"

    @property
    def path(self) -> str:
        """The account's path in v1."""
        return f"/mono/accounts/{self.member}"

    @property
    def status_path(self) -> str:
        return f"/mono/v2/accounts/{self.member}"

    def run(self) -> None:
        """Links the account and waits for a night; then syncs, if the scenario writes it, and reauthorises, if that is wanted."""
        self._create()
        self._until_rest()
        self._night()
        if "sync" in self.scenario.flows and self._alive():
            self.stage.call("POST", f"{self.path}/sync")
            self._until_rest()
        if self._alive() and self._status() == "REAUTHORISATION_REQUIRED":
            token = self.stage.call("POST", f"{self.path}/reauthorise")["token"]
            self.stage.call("POST", CONNECT, {"token": token})
            self._until_rest()
            self._night()
        if self.choices.span is not None:
            self._go_on_resting()

    def found(self) -> str:
        account = self.stage.call("GET", self.status_path)["data"]["account"]
        count = self.stage.call("GET", f"{self.status_path}/transactions?limit=1")["meta"]["total"]
        balance = f"{account['currency']} {account['balance'] / 100:,.2f}" if account["balance"] is not None else "no balance"
        return f"{account['institution']['name']} {account['account_number']}, {balance}, {counted(count, 'transaction')}"

    def _create(self) -> None:
        code = self.stage.call("POST", CONNECT, {"institution": "any", "scenario": self.scenario.name})["code"]
        self.member = self.stage.call("POST", "/mono/account/auth", {"code": code})["id"]

    def _night(self) -> None:
        """The automatic sync, as far as the time that is played reaches."""
        moment = self._due() if self._alive() else None
        if moment is not None and moment <= self.end:
            self.stage.move_to(moment)
            self.stage.look(self.status_path, counts=False)
            self._until_rest()

    def _status(self) -> str | None:
        subject = self.subject()
        return self.engine.player.role(subject).status(subject) if subject else None

    def _alive(self) -> bool:
        return self.complete and self._status() not in (None, "UNLINKED")

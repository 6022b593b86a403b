"""A Connect session, act by act: what its pages do for the user, and what plays it without a browser.

Every act moves the session's scenario on; which one is played is decided anew when a bank is chosen and at every login.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from mocksrv.engine.engine import Engine
from mocksrv.engine.play import Asked
from mocksrv.engine.role import Role
from mocksrv.engine.scenarios.choosing import BY_HAND, Choice, Credentials, choose_again
from mocksrv.engine.scenarios.model import Step
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.bank.institutions import Institution, Institutions, meets_bank
from mocksrv.providers.finicity.bank.loading import Bank
from mocksrv.providers.finicity.codes import FINE
from mocksrv.providers.finicity.http import Mount
from mocksrv.providers.finicity.lifecycle import ACCOUNTS, ACTS, INSTITUTION, LOGIN, NEW_LOGIN, SUBMIT
from mocksrv.providers.finicity.webhooks import FIX, LITE
from mocksrv.providers.provider import Refusal

FAILED = frozenset({"invalidCredentials", "unableToConnect"})
ONE_BANK = frozenset({LITE, FIX})  # types of sessions that have their bank from the start
BANK_CODES = frozenset({"123", "125", "127", "128", "130"})  # FinBank passwords that fail with that very code
USUAL = Credentials("101732", "demo", "go")  # where nothing says which bank and login
NOTHING_LIKE_IT = "bank of nowhere"  # what is searched for when a scenario wants nothing to be found
MOST_ACTS = 50
CLOSED = {"expired": "the link has expired", "used": "the link has been used: singleUseUrl was asked for"}
OF_ONE_BANK = ("logins", "chosen", "remove", "discovered", "added", "login_id")  # what another bank makes an end of
OF_ONE_VISIT = ("logins", "chosen", "remove", "query", "discovered", "added", "deleted", "repair_told", "borrower")


def borrowers_left(session: Record) -> int:
    """How many borrowers come after the one that has the turn; a session of one customer has none."""
    return max(0, len(session.body.get("borrowers", ())) - 1 - session.body.get("borrower", 0))


@dataclass(slots=True)
class Wish:
    """What who plays a session without a browser types; what is not said is done as the scenario wants it."""

    institution: str | None = None
    username: str | None = None
    password: str | None = None
    answers: list[str] = field(default_factory=list)  # to challenges, one after the other
    accounts: list[str] | None = None  # ids, names or types of those that are chosen; None: all
    typed: bool = False  # whether the login was typed already

    def take_answers(self, asked: Asked) -> list[str]:
        """An answer to each open challenge: the next that is given, else a right one."""
        return [self.answers.pop(0) if self.answers else (each.right or ["any"])[0] for each in asked.challenges]


class Sessions:
    """The acts. Each takes the world and the session's record, changes them, and raises Refusal for what cannot be done
    now.
    """

    def __init__(self, engine: Engine, role: Role, bank: Bank, institutions: Institutions) -> None:
        self._engine = engine
        self._player = engine.player
        self._role = role
        self._bank = bank
        self._institutions = institutions

    @classmethod
    def of(cls, mount: Mount) -> Sessions:
        """The acts on the sessions of a server."""
        return cls(mount.engine, mount.role, mount.bank, mount.institutions)

    def find(self, world: World, link: str) -> Record:
        """The session of a link, or of its signature alone."""
        signature = (parse_qs(urlsplit(link).query).get("signature") or [link])[0]
        found = world.list(Query("finicity.session", partner_id=signature, limit=1))
        if not found:
            raise Refusal(404, f"no session of the sandbox {world.sandbox.name} has this link")
        return found[0]

    # the acts, in the order of the pages

    def open(self, world: World, session: Record) -> None:
        """The first page is shown: what went on in the session before is over."""
        body, play = session.body, session.playing
        closed = self.closed(world, session)
        if closed is not None:
            raise Refusal(410, CLOSED[closed])
        known = body["type"] in ONE_BANK
        for name in OF_ONE_VISIT:
            body.pop(name, None)
        body.update(status="ping", institution=body["institution"] if known else None, code=FINE, completed=False)
        play.acted = 0
        if known:
            self._settle(world, session, INSTITUTION, self._institution(world, body["institution"]))
            play.acted = INSTITUTION
        self._player.start(world, session, FIX if body["type"] == FIX else "connect")

    def closed(self, world: World, session: Record) -> str | None:
        """Why the link cannot be opened any more, of `CLOSED`; None where it can."""
        body = session.body
        if world.now >= body["ttl"]:
            return "expired"
        return "used" if body["completed"] and body["single_use"] else None

    def matching(self, world: World, session: Record, text: str) -> list[Institution]:
        """The institutions for what is being typed; none where the scenario wants none to be found."""
        return [] if self._foretold(world, session) else self._institutions.of(world.sandbox.scenarios).search(text)

    def _foretold(self, world: World, session: Record) -> bool:
        """Whether the scenario lets the first search find nothing."""
        place = self._place(world, session, INSTITUTION)
        return session.playing.acted < INSTITUTION and place is not None and place[2].status == "institutionNotFound"

    def search(self, world: World, session: Record, text: str) -> list[Institution]:
        """The institutions for what was typed; when there is none the app is told."""
        foretold, found = self._foretold(world, session), self.matching(world, session, text)
        if not found:
            session.body["query"] = text
        if foretold:
            self._go(world, session, INSTITUTION)
        elif not found:
            self._role.enter(world, session, "institutionNotFound", {}, False)
            world.mark(session, f"nothing found for {text!r}", status="institutionNotFound")
        return found

    def choose_institution(
        self, world: World, session: Record, institution: Institution, query: str | None = None
    ) -> None:
        """A bank was picked from what a search for ``query`` had found."""
        if session.body["type"] in ONE_BANK:
            raise Refusal(409, f"a session of type {session.body['type']} has its bank already")
        session.body.update(institution=str(institution.id), query=query or institution.name, status="started")
        for name in OF_ONE_BANK:
            session.body.pop(name, None)
        if session.playing.acted >= INSTITUTION:  # another bank than before is gone through from its beginning
            session.playing.act = session.playing.acted = 0
        self._settle(world, session, INSTITUTION, institution)
        self._go(world, session, INSTITUTION)

    def log_in(self, world: World, session: Record, username: str | None, password: str | None) -> None:
        """The login form was sent, or at an OAuth bank the way to its own page was taken."""
        body, play = session.body, session.playing
        if not body["institution"]:
            raise Refusal(409, "no bank is chosen yet")
        institution = self._institution(world, body["institution"])
        again = bool(body.get("logins"))
        body["logins"] = body.get("logins", 0) + 1
        named = self._settle(world, session, NEW_LOGIN if again else LOGIN, institution, username, password)
        if username is not None:
            body["username"] = username
        body["code"] = int(password or 0) if password in BANK_CODES else FINE
        done = NEW_LOGIN if again else LOGIN
        if again and (named or play.act != NEW_LOGIN):  # from the login on anew
            body["status"] = "institutionSupported"  # the form was shown once more
            play.act = 0
            place = self._place(world, session, LOGIN)
            if place and place[2].status in FAILED:
                done = LOGIN  # it can be tried yet again
            elif place:
                self._role.enter(world, session, "credentialsUpdated", {"mfa": place[2].status == "mfa"}, False)
                world.mark(session, "new credentials", status="credentialsUpdated")
        self._go(world, session, LOGIN, done)

    def answer(self, world: World, session: Record, answers: Sequence[str]) -> None:
        """The open challenges were answered, in their order."""
        asked = session.playing.asked
        if asked is None:
            raise Refusal(409, "nothing was asked")
        if len(answers) != len(asked.challenges):
            raise Refusal(422, f"answers: {len(asked.challenges)} are needed, {len(answers)} given")
        given = {each.guid: answer for each, answer in zip(asked.challenges, answers, strict=True)}
        self._player.answer(world, session, given)

    def consent(self, world: World, session: Record, do: str) -> None:
        """The bank's own page was answered; who agreed has chosen the accounts there."""
        if session.playing.consent is None:
            raise Refusal(409, "the session does not wait for the bank's page")
        if do == "approve":
            session.playing.acted = ACCOUNTS
        self._player.consent(world, session, do)

    def choose_accounts(self, world: World, session: Record, accounts: Sequence[str] | None = None) -> None:
        """Some of the accounts that were found were chosen (None: all), to be added or to be removed."""
        session.body.update(chosen=None if accounts is None else list(accounts), remove=list(accounts or ()))
        self._go(world, session, ACCOUNTS)

    def discover(self, world: World, session: Record) -> None:
        """The accounts of the session's login are known from now on, before its scenario speaks of them."""
        if session.body.get("discovered") is None:
            self._bank.discover(world, session)

    def accounts_named(self, world: World, session: Record, wanted: Sequence[str]) -> list[str]:
        """The ids of the accounts of the session's login with these ids, names or types."""
        self.discover(world, session)
        found = world.list(Query("finicity.account", guids=session.body["discovered"]))
        chosen = []
        for text in wanted:
            fitting = [each.guid for each in found if text in (each.guid, each.body["name"], each.body["type"])]
            if not fitting:
                names = ", ".join(each.body["name"] for each in sorted(found, key=lambda each: each.seq)) or "none"
                raise Refusal(422, f"accounts: {text!r} is none of the login's; allowed: ids, types and names: {names}")
            chosen += fitting
        if not chosen:
            raise Refusal(422, "accounts: choose at least one, or leave them out to have them all")
        return chosen

    def submit(self, world: World, session: Record) -> None:
        """The last button was pressed."""
        self._go(world, session, SUBMIT)

    def next_borrower(self, world: World, session: Record) -> None:
        """The next of the borrowers has the turn, and looks for a bank."""
        if borrowers_left(session) == 0:
            raise Refusal(409, "there is no other borrower")
        session.body.update(borrower=session.body.get("borrower", 0) + 1, institution=None, status="started")
        world.mark(session, "the next borrower", status="started")
        world.save(session)

    def leave(self, world: World, session: Record, reason: str = "the user has closed Connect") -> None:
        """The pages were closed: the session stays where it is. No event tells of it."""
        self._player.stop(world, session, reason)

    # which scenario is played, and where in it

    def _settle(
        self,
        world: World,
        session: Record,
        act: int,
        institution: Institution,
        username: str | None = None,
        password: str | None = None,
    ) -> bool:
        """Which scenario is played from now on; whether the login itself has named it."""
        body, play = session.body, session.playing
        present = Choice(play.scenario, play.by)
        login = Credentials(institution.code, username, password)
        if act == INSTITUTION:
            if institution.scenario and present.by not in ("header", "hand"):
                choice = Choice(institution.scenario, "institution")
            else:
                choice = present if present.by in BY_HAND - {"institution"} else self._named(world, present, login)
        elif act == LOGIN and present.by in BY_HAND:
            choice = present
        else:
            choice = self._named(world, present, login)
        if choice.scenario != present.scenario:
            play.act = 0  # what the other one waits for
        play.scenario, play.by = choice
        body["oauth"] = institution.oauth or self._meets_bank(world, choice.scenario)
        return choice.by == "login"

    def _named(self, world: World, present: Choice, login: Credentials) -> Choice:
        return choose_again(world, self._role.vocabulary, present, header=None, login=login)

    def _meets_bank(self, world: World, name: str) -> bool:
        scenarios = world.sandbox.scenarios
        return meets_bank(scenarios.flows(scenarios.get("finicity", name)))

    def _go(self, world: World, session: Record, act: int, done: int | None = None) -> None:
        """Goes on after an act: where the scenario waits for it, else where it first speaks of what comes of it."""
        play = session.playing
        if play.act >= act:
            self._player.acted(world, session, done or act)
            return
        place = self._place(world, session, act)
        play.acted = done or act
        if place is None:
            world.mark(session, "the scenario says nothing of this")
            world.save(session)
            return
        job = FIX if session.body["type"] == FIX else "connect"
        self._player.start(world, session, job, flow=place[0], step=place[1])

    def _place(self, world: World, session: Record, act: int) -> tuple[str, int, Step] | None:
        """The first step of the scenario that comes of this act or a later one: flow, place, step."""
        scenarios, play = world.sandbox.scenarios, session.playing
        scenario = scenarios.get("finicity", play.scenario)
        flow: str | None = FIX if session.body["type"] == FIX else "connect"
        seen: set[str] = set()
        while flow is not None and flow not in seen:
            seen.add(flow)
            following = None
            for index, step in enumerate(scenarios.flow(scenario, flow) or ()):
                if step.status and ACTS.get(step.status, 0) >= act:
                    return flow, index, step
                following = step.then
            flow = following
        return None

    # without a browser

    def play(self, world: World, session: Record, wish: Wish) -> None:
        """Goes through the pages as far as the scenario lets it, from the first one or from where the session waits for
        the user.
        """
        play, body = session.playing, session.body
        again = bool(wish.username) and not wish.institution and body["status"] in FAILED and not body["completed"]
        if play.job is None and again:
            self._type(world, session, wish)  # the form is still there
        elif play.job is None or body["completed"]:
            self.open(world, session)
        for _ in range(MOST_ACTS):
            if not self._act(world, session, wish):
                break
        if play.job is not None and not play.act:
            play.acted = SUBMIT  # what the scenario's time brings finds a user who goes on at once
            world.save_play(session)

    def _act(self, world: World, session: Record, wish: Wish) -> bool:
        """Does what the session waits for; False when that is nothing of the user's."""
        play = session.playing
        act, acted = play.act, play.acted
        if play.asked is not None:
            answers = wish.take_answers(play.asked)
            if "" in answers:
                return False  # the user does not answer
            self.answer(world, session, answers)
        elif play.consent is not None:
            if wish.accounts is not None:
                session.body["chosen"] = self.accounts_named(world, session, wish.accounts)
            self.consent(world, session, play.consent.auto or "approve")
            return session.playing.consent is None
        elif act and session.body["institution"] is None:
            return self._find_bank(world, session, wish)
        elif act and acted < LOGIN:
            self._type(world, session, wish)
        elif act == NEW_LOGIN:
            if wish.username and wish.typed:
                return False  # the only login that it was given has failed
            self.log_in(world, session, wish.username, wish.password)
            wish.typed = True
        elif act > acted and acted < ACCOUNTS:
            named = None if wish.accounts is None else self.accounts_named(world, session, wish.accounts)
            self.choose_accounts(world, session, named)
        elif act == SUBMIT and borrowers_left(session):
            self.next_borrower(world, session)
        elif act == SUBMIT:
            self.submit(world, session)
        else:
            return False
        return True

    def _type(self, world: World, session: Record, wish: Wish) -> None:
        """Sends the login form as it is wished for, else with the login that the scenario is made for."""
        usual = self._usual(world, session)
        fits = usual.institution == self._institution(world, session.body["institution"]).code
        as_usual = not wish.username and fits
        username, password = (usual.username, usual.password) if as_usual else (wish.username, wish.password)
        self.log_in(world, session, username, password)
        wish.typed = True

    def _find_bank(self, world: World, session: Record, wish: Wish) -> bool:
        """Searches for the bank that is wished for, or that the scenario is made for, and takes the first that is
        found.
        """
        text = wish.institution or self._usual(world, session).institution
        exactly = self._institutions.of(world.sandbox.scenarios).get(text)
        place = self._place(world, session, INSTITUTION)
        if not wish.institution and place and place[2].status == "institutionNotFound":
            text = NOTHING_LIKE_IT
        found = self.search(
            world, session, exactly.name if exactly and text in (str(exactly.id), exactly.code) else text
        )
        if found:
            self.choose_institution(world, session, exactly or found[0], wish.institution)
        return bool(found)

    def _usual(self, world: World, session: Record) -> Credentials:
        """The bank and the login that the session's scenario names first."""
        scenario = world.sandbox.scenarios.get("finicity", session.playing.scenario)
        login = next(iter(scenario.logins), None)
        return Credentials(login.institution or USUAL.institution, login.username, login.password) if login else USUAL

    def _institution(self, world: World, id: str) -> Institution:
        found = self._institutions.of(world.sandbox.scenarios).get(id)
        if found is None:
            raise Refusal(409, f"there is no institution {id} any more")
        return found

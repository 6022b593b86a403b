"""What the sandbox line of the widget says: what leads on from the present step."""

from __future__ import annotations

from mocksrv.engine.storage.records import Record
from mocksrv.providers.mx.bank.institutions import Institution
from mocksrv.providers.mx.pages.session import CREDENTIALS, MFA, WidgetSession
from mocksrv.providers.mx.people.microdeposits import RIGHT_AMOUNTS
from mocksrv.providers.pages.hints import Hint, SandboxLine, sandbox_line
from mocksrv.providers.pages.questions import answer_hints

ANYTHING = "correct"  # what is filled in where any value will do
MOST_HINTS = 16


def line_of(session: WidgetSession, member: Record | None) -> SandboxLine:
    """The sandbox line of the present page."""
    page = session.page
    advance = f"{page.request.script_root}/_mocksrv/clock/advance" if page.may_control else None
    with page.look() as world:
        return sandbox_line(page.sandbox, world, member, _hints(session, member)[:MOST_HINTS], advance)


def _hints(session: WidgetSession, member: Record | None) -> list[Hint]:
    institution = session.institution
    if session.step == CREDENTIALS and institution is not None and not session.state.get("oauth_uri"):
        return _logins(session, institution)
    if session.step == MFA and member is not None and member.play is not None:
        return answer_hints(member.play.asked, session.texts, ANYTHING)
    if session.step == "microdeposits":
        pairs = (tuple(f"{cents / 100:.2f}" for cents in pair) for pair in sorted(RIGHT_AMOUNTS))
        return [Hint(session.texts("hint_amounts", one=a, two=b), {"amount_1": a, "amount_2": b}) for a, b in pairs]
    return []


def _logins(session: WidgetSession, institution: Institution) -> list[Hint]:
    """Logins that choose a scenario, and one that is as good as any."""
    fields = session.call().institutions.credentials(institution)
    name = next((field.field_name for field in fields if field.field_type != "PASSWORD"), "")
    secret = next((field.field_name for field in fields if field.field_type == "PASSWORD"), "")
    plain = {field.field_name: ANYTHING for field in fields}
    texts, scenarios = session.texts, session.page.sandbox.scenarios
    first = (
        Hint(texts("hint_scenario", scenario=institution.scenario), plain)
        if institution.scenario
        else Hint(texts("hint_login"), plain)
    )
    hints = [first]
    for login, scenario in scenarios.logins_at("mx", institution.code):
        told = texts("hint_password", password=login.password or texts("hint_any"), scenario=scenario)
        hints.append(Hint(told, {**plain, name: login.username or ANYTHING, secret: login.password or ANYTHING}))
    return hints

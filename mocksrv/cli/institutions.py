"""``mocksrv institutions``: institutions of the user's own, without a server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocksrv.cli.scenarios import FOLDERS, JSON, of_provider

if TYPE_CHECKING:
    from mocksrv.engine.scenarios.institutions import OwnInstitution

TEMPLATE = """\
# An institution of your own. It lies beside your scenarios: mocksrv serve --scenarios DIR. Keys: docs/scenarios.md
provider: {provider}
code: {code}                  # what calls and the logins of scenarios name it by
name: {name}
url: https://www.{host}.example
# oauth: true                 # users log in at the bank's own page; then there are no credentials
# credentials:                # its login form; the provider's usual one when not written
#   - {{name: LOGIN, label: Username, type: LOGIN}}
#   - {{name: PASSWORD, label: Password, type: PASSWORD}}
# products: [{products}]      # everything when not written
# scenario: {scenario}        # what is played there when neither the call nor the login chooses
"""


@click.group(invoke_without_command=True)
@click.pass_context
def institutions(ctx: click.Context) -> None:
    """List your own institutions and begin a new one. Needs no server."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@institutions.command("list")
@FOLDERS
@JSON
def list_(own: tuple[str, ...], as_json: bool) -> None:
    """List your institutions: those of the NAME.institution.yaml beside your scenarios."""
    from mocksrv.cli.library import open_library, own_folders
    from mocksrv.cli.output import print_table

    local = open_library(own_folders(own))
    found = [each for provider in local.roles for each in local.library.institutions(provider).values()]
    for problem in local.library.problems:
        click.echo(str(problem), err=True)
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in found], indent=2, ensure_ascii=False))
    elif not found:
        click.echo("no institutions of your own; 'mocksrv institutions new CODE' begins one")
    else:
        rows = [(each.code, each.provider, each.name, each.scenario or "") for each in found]
        print_table(("CODE", "PROVIDER", "NAME", "SCENARIO"), rows)


def _as_json(institution: OwnInstitution) -> dict[str, Any]:
    credentials = [credential._asdict() for credential in institution.credentials]
    return {**institution._asdict(), "credentials": credentials}


@institutions.command()
@click.argument("code")
@of_provider("Whose catalogue has it.")
def new(code: str, provider: str) -> None:
    """Write CODE.institution.yaml, a commented institution to start from, into the current folder."""
    from mocksrv.cli.library import open_library
    from mocksrv.engine.scenarios.institutions import SCHEMA

    rule = SCHEMA.rules["properties"]["code"]
    if not re.search(rule["pattern"], code):
        raise click.UsageError(f"{code!r} is not a code; allowed are {rule['errorMessage']}")
    roles = open_library(()).roles
    if provider not in roles:
        raise click.UsageError(f"{provider!r} is not a provider; there is {', '.join(roles)}")
    words = roles[provider].vocabulary
    text = TEMPLATE.format(
        provider=provider,
        code=json.dumps(code) if code.isdigit() else code,
        name=re.sub(r"[._-]+", " ", code).title(),
        host=re.sub(r"[^a-z0-9]+", "-", code.lower()).strip("-"),
        products=", ".join(sorted(words.products)[:2]) or "transactions",
        scenario=words.happy,
    )
    path = Path(f"{code}.institution.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{path} exists already; nothing was written") from None
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    click.echo(f"Wrote {path}. Check it: mocksrv scenarios validate {path}")

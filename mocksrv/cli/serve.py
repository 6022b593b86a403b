"""``mocksrv serve``: the server, its settings and its banner."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocksrv import __version__
from mocksrv.cli.settings import IN_MEMORY, SETTINGS, Setting, SettingError, resolve
from mocksrv.web.hosting.hosting import WRONG_SETTING, Service, StartError, listen, run

if TYPE_CHECKING:
    from mocksrv.engine.engine import Engine

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}


def _option(setting: Setting) -> Any:
    """A setting as an option of the command: a text, read later, together with what variables and the file say."""
    default = setting.shown or ("" if setting.default is None else str(setting.default))
    text = setting.help + (f"  [default: {default}]" if default else "")
    if not setting.metavar:
        return click.option(f"{setting.option}/--no-{setting.name}", setting.key, default=None, help=text)
    return click.option(
        setting.option, setting.key, metavar=setting.metavar, multiple=setting.many, default=None, help=text
    )


def with_settings(command: Any) -> Any:
    """Adds the options of all settings to a command."""
    for setting in reversed(SETTINGS):
        command = _option(setting)(command)
    return command


@click.command()
@with_settings
def serve(**options: Any) -> int:
    """Start the server, until Ctrl-C.

    Every option is also a variable (MOCKSRV_PORT for --port) and a key of the file mocksrv.yaml in the current folder
    (port). Options win over variables, variables over the file. Repeatable ones are separated by commas in a variable.
    """
    gc.disable()  # nothing that a start makes is garbage: looking for it is a tenth of the start
    try:
        values = resolve(options, os.environ, Path.cwd())
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    try:
        listening = listen(values["host"], values["port"])
    except StartError as error:
        print(f"mocksrv serve: {error}", file=sys.stderr)
        return error.status
    port = listening.getsockname()[1]
    return run(listening, partial(_open, values, port), values["threads"])


def _open(values: Mapping[str, Any], port: int) -> Service:
    """The engine and the application of these settings, started, and the banner printed. Raises StartError."""
    from mocksrv.engine.storage.records import StoreError
    from mocksrv.web.server import build

    try:
        engine, app = build(_setup(values))
    except StoreError as error:
        raise StartError(f"--database: {error}") from None
    _check(engine, values)
    engine.start()
    gc.freeze()
    gc.enable()
    print(banner(engine, values, port), flush=True)
    return Service(app, engine.close)


def _setup(values: Mapping[str, Any]) -> Any:
    from mocksrv.engine.clock import parse_duration
    from mocksrv.engine.engine import Options
    from mocksrv.engine.sandbox import Keep, Settings, endpoints_from
    from mocksrv.providers.provider import WingOptions
    from mocksrv.web.options import WebOptions
    from mocksrv.web.server import Setup

    endpoints = endpoints_from([{"url": values["webhook_url"]}]) if values["webhook_url"] else ()
    return Setup(
        engine=Options(
            database=values["database"],
            scenarios=values["scenarios"],
            settings=Settings(seed=values["seed"], default=values["scenario"], endpoints=endpoints),
            clock=values["clock"],
            now=values["now"],
            allow_callbacks=values["allow_callbacks"],
            keep=Keep(events=values["keep_events"], age=parse_duration(values["keep_for"])),
        ),
        wing=WingOptions(
            folders=values["scenarios"],
            fidelity=values["fidelity"],
            credentials=(values["client_id"], values["api_key"]) if values["client_id"] else None,
        ),
        web=WebOptions(
            public_url=values["public_url"],
            control_from=values["control_from"],
            control_token=values["control_token"],
            threads=values["threads"],
        ),
    )


def _check(engine: Engine, values: Mapping[str, Any]) -> None:
    """Reports faulty scenario files; refuses to start where that is asked for. Raises StartError."""
    from mocksrv.engine.scenarios.library import UnknownScenario

    problems = engine.library.problems
    for problem in problems:
        print(problem, file=sys.stderr, flush=True)
    if problems and values["strict"]:
        raise StartError(f"--strict: {_counted(len(problems), 'fault')} in scenario files")
    if values["scenario"]:
        try:
            engine.library.find(values["scenario"])
        except UnknownScenario as error:
            raise StartError(f"--scenario: {error}", WRONG_SETTING) from None


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


# the banner


def base_url(host: str, port: int) -> str:
    """A URL at which this machine reaches the server."""
    host = WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def banner(engine: Engine, values: Mapping[str, Any], port: int) -> str:
    """What a started server says: where it is, how it is set up, what to try."""
    url = base_url(values["host"], port)
    rows = {
        "MX Platform API": f"{url}   ({'one' if values['client_id'] else 'any'} client id and API key)",
        "Mono API": f"{url}/mono   ({'the API key as' if values['client_id'] else 'any'} mono-sec-key)",
        "Finicity API": (
            f"{url}/finicity   (any app key; {'one' if values['client_id'] else 'any'} partner id and secret)"
        ),
        "Control API": f"{url}/_mocksrv" + ("   (with the token)" if values["control_token"] else ""),
        "Callbacks": _callbacks(engine, values),
        "State": "in memory, gone when the server ends; --database FILE keeps it"
        if values["database"] == IN_MEMORY
        else values["database"],
        "Clock": _clock(engine),
        "Scenarios": _scenarios(engine, values),
    }
    if values["host"] in WILDCARDS:
        rows["Listens on"] = f"all addresses of this machine, port {port}"
    lines = [f"mocksrv {__version__}", "", *(f"  {name:<16} {text}" for name, text in rows.items()), ""]
    user = f"{values['client_id']}:$MOCKSRV_API_KEY" if values["client_id"] else "any:key"
    lines += [
        "Try:  curl -u " + user + " -H 'Accept: application/vnd.mx.api.v1+json' '" + url + "/institutions?name=mx'",
        "      mocksrv demo    (watch a member connect, with challenge and callbacks)",
        "",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


def _callbacks(engine: Engine, values: Mapping[str, Any]) -> str:
    endpoints = engine.sandbox("default").settings.endpoints
    said = ", ".join(endpoint.url for endpoint in endpoints) or "none are sent; --webhook-url URL sets where they go"
    other = values["webhook_url"] and [endpoint.url for endpoint in endpoints] != [values["webhook_url"]]
    return f"{said}   (as kept in the database; --webhook-url is for new sandboxes)" if other else said


def _clock(engine: Engine) -> str:
    from mocksrv.engine.clock import iso

    clock = engine.sandbox("default").clock
    if clock.mode == "manual":
        return f"stands still at {iso(clock.now())}; POST {'/_mocksrv/clock/advance'} moves it"
    speed = "real time" if clock.speed == 1 else f"{clock.speed:g} times as fast as real time"
    return f"{speed}, now {iso(clock.now())}"


def _scenarios(engine: Engine, values: Mapping[str, Any]) -> str:
    names = sum(len(engine.library.names(provider)) for provider in engine.vocabularies)
    own = ", ".join(map(str, values["scenarios"]))
    chosen = engine.sandbox("default").settings.default
    told = f"{_counted(names, 'scenario')}" + (f", with those of {own}" if own else "; --scenarios DIR adds your own")
    return f"{told}; default is {chosen}" if chosen else told

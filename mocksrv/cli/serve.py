"""``mocksrv serve``: the server, its settings and its banner.

The process that watches the server imports this: what only the server needs is imported in the server's.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocksrv import __version__
from mocksrv.cli import words
from mocksrv.cli.settings import resolve
from mocksrv.engine.config import IN_MEMORY, TEMPORARY, Config
from mocksrv.registry import all_declared
from mocksrv.settings import SETTINGS, Setting, SettingError
from mocksrv.web.hosting.hosting import WILDCARDS, StartError, base_url, listen, run

if TYPE_CHECKING:
    from mocksrv.engine.engine import Engine
    from mocksrv.web.hosting.host import Service


def _option(setting: Setting, default: str) -> Any:
    """A setting as an option of the command: a text, read later, together with what variables and the file say."""
    text = setting.help + (f"  [default: {default}]" if default else "")
    if not setting.metavar:
        return click.option(f"{setting.option}/--no-{setting.name}", setting.key, default=None, help=text)
    return click.option(
        setting.option,
        setting.key,
        metavar=setting.metavar,
        multiple=setting.many,
        default=None,
        help=text,
        shell_complete=words.of_setting(setting),
    )


def with_settings(*without: str, **defaults: str) -> Callable[[Any], Any]:
    """Adds the options of all settings to a command, but for those ``without`` use in it. ``defaults``: what its help
    says in place of a setting's own.
    """

    def add(command: Any) -> Any:
        for setting in reversed([each for each in SETTINGS if each.key not in without]):
            command = _option(setting, defaults.get(setting.key, setting.default_text))(command)
        return command

    return add


@click.command()
@with_settings()
def serve(**options: Any) -> int:
    """Start the server, until Ctrl-C.

    Every option is also a variable (MOCKSRV_PORT for --port) and a key of the file mocksrv.yaml in the current folder
    (port). Options win over variables, variables over the file. Repeatable ones are separated by commas in a variable.
    """
    gc.disable()  # nothing that a start makes is garbage: looking for it is a tenth of the start
    try:
        config = resolve(options, os.environ, Path.cwd())
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    with contextlib.ExitStack() as ending:
        try:
            config = _with_certificate(config, ending)
            listening = listen(config.host, config.port)
        except StartError as error:
            print(f"mocksrv serve: {error.as_option()}", file=sys.stderr)
            return error.status
        port = listening.getsockname()[1]
        ending.callback(_remove_port, config)  # a worker that is slow to end is killed before it does
        return run(listening, partial(_open, config, port), config)


def _with_certificate(config: Config, ending: contextlib.ExitStack) -> Config:
    """The same, with the files of the certificate that the server makes for itself. Raises StartError."""
    if not config.tls:
        return config
    from mocksrv.web.hosting.tls import OwnCertificate

    own = ending.enter_context(contextlib.closing(OwnCertificate(config)))
    return config._replace(tls_cert=own.cert, tls_key=own.key)


def _open(config: Config, port: int, first: bool) -> Service:
    """The engine and the application of this configuration, started; the first of several prints the banner. Raises
    StartError.
    """
    from mocksrv.cli.lines import FORMATS, Lines
    from mocksrv.server import open_parts
    from mocksrv.web.hosting.host import Service

    warnings: list[str] = []
    engine, app = open_parts(
        config._replace(port=port),
        (lambda problem: print(problem, file=sys.stderr, flush=True)) if first else (lambda _: None),
        warnings.append,
    )
    gc.freeze()
    gc.enable()
    if first:
        if config.port_file:
            _write_port(config.port_file, port)
        print(banner(engine, config, port, warnings), flush=True)
    lines = None if config.quiet else Lines(sys.stderr, FORMATS[config.log_format])
    if lines is not None:
        lines.start()
        engine.observers.subscribe(lines.tell)

    def close() -> None:
        if first:
            _remove_port(config)
        engine.close()
        if lines is not None:
            lines.close()

    return Service(app, close, engine.reserved, engine.freshness)


def _write_port(file: Path, port: int) -> None:
    """Writes the port file; nobody sees half of it. Raises StartError."""
    written = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        written.write_text(f"{port}\n", "ascii")
        written.replace(file)
    except OSError as error:
        raise StartError(f"{file}: {error.strerror}", setting="port-file") from None


def _remove_port(config: Config) -> None:
    if config.port_file:
        config.port_file.unlink(missing_ok=True)


# the banner

WITHOUT_FILE = {
    TEMPORARY: "in a temporary file, gone when the server ends; --database FILE keeps it",
    IN_MEMORY: "in memory, gone when the server ends; --database FILE keeps it",
}


def banner(engine: Engine, config: Config, port: int, warnings: Sequence[str] = ()) -> str:
    """What a started server says: where it is, how it is set up, what may be wrong with that, what to try."""
    from mocksrv.engine.secrets import masked_urls

    url = base_url(config.host, port, config.scheme)
    providers = list(all_declared())
    rows = {
        **{provider.api: provider.banner(config, url) for provider in providers},
        "Dashboard": f"{url}/_mocksrv/   (in a browser)",
        "Control API": f"{url}/_mocksrv" + ("   (with the token)" if config.control_token else ""),
        "Callbacks": _callbacks(engine, config),
        "State": WITHOUT_FILE.get(config.database) or masked_urls(config.database),
        "Clock": _clock(engine),
        "Scenarios": _scenarios(engine, config),
    }
    if config.tls:
        rows["Certificate"] = f"{config.tls_cert}   (for clients to trust)"
    if config.host in WILDCARDS:
        rows["Listens on"] = f"all addresses of this machine, port {port}"
    lines = [f"mocksrv {__version__}", "", *(f"  {name:<16} {text}" for name, text in rows.items())]
    lines += [*(f"  {'Warning':<16} {warning}" for warning in warnings), ""]
    tries = [call for provider in providers if (call := provider.first_call(config, url))]
    if config.tls:
        trusting = f"curl --cacert {shlex.quote(str(config.tls_cert))} "
        tries = [call.replace("curl ", trusting, 1) for call in tries]
    tries.append(f"mocksrv demo    (watch a {providers[0].noun} connect, with challenge and callbacks)")
    lines += [
        *(f"{'' if place else 'Try:':<6}{command}" for place, command in enumerate(tries)),
        "",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


def _callbacks(engine: Engine, config: Config) -> str:
    from mocksrv.engine.secrets import masked_urls

    endpoints = engine.sandbox("default").settings.endpoints
    said = (
        ", ".join(masked_urls(endpoint.url) for endpoint in endpoints)
        or "none are sent; --webhook-url URL sets where they go"
    )
    other = config.webhook_url and [endpoint.url for endpoint in endpoints] != [config.webhook_url]
    return f"{said}   (as kept in the database; --webhook-url is for new sandboxes)" if other else said


def _clock(engine: Engine) -> str:
    from mocksrv.engine.clock import iso

    clock = engine.sandbox("default").clock
    if clock.mode == "manual":
        return f"stands still at {iso(clock.now())}; POST {'/_mocksrv/clock/advance'} moves it"
    speed = "real time" if clock.speed == 1 else f"{clock.speed:g} times as fast as real time"
    return f"{speed}, now {iso(clock.now())}"


def _scenarios(engine: Engine, config: Config) -> str:
    names = sum(len(engine.library.names(provider)) for provider in engine.vocabularies)
    own = ", ".join(map(str, config.scenarios))
    chosen = engine.sandbox("default").settings.default
    told = f"{names} scenarios" + (f", with those of {own}" if own else "; --scenarios DIR adds your own")
    return f"{told}; default is {chosen}" if chosen else told

"""``mocksrv mcp``: a running server as tools of the Model Context Protocol, for coding agents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mocksrv import __version__
from mocksrv.cli.client import with_server
from mocksrv.cli.tools import ArgumentError, Tool, tools
from mocksrv.client import Client, ControlError, Unreachable
from mocksrv.registry import PROVIDERS, declared

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

LOOPBACK = "127.0.0.1"
MISSING = "needs a library that is not installed: pip install 'mocksrv[mcp]'"
CLASHING = (
    "a library that it needs is not of the version that it needs, as beside MX's Python SDK: install 'mocksrv[mcp]' in "
    "an environment of its own"
)
INSTRUCTIONS = """\
mocksrv stands in for the open-finance providers MX, Mono and Finicity. The app under test calls it in their place:
{places}
Choose what the next connection plays (put_bindings with the name of a scenario), let the app make its calls, move the
time (post_clock_advance), answer as the person at the bank would (post_subjects_id_act), then read subjects, webhooks,
requests and violations. get_requests_id says why a call was answered as it was.
"""
CHECK_CONSUMER = Tool(
    "check_consumer",
    "Plays a provider against a webhook endpoint of the app, and reports check by check how it does: every event, "
    "duplicates, stale and damaged ones, strangers. Needs an app that is running.",
    "POST",
    "",
    {
        "type": "object",
        "properties": {
            "url": {"type": "string", "description": "The endpoint: http://127.0.0.1:3000/webhooks"},
            "provider": {"enum": list(PROVIDERS), "description": "Who sends."},
            "auth": {"type": "string", "description": "What the endpoint wants: basic:USER:PASSWORD, bearer:TOKEN ..."},
        },
        "required": ["url"],
        "additionalProperties": False,
    },
    frozenset(),
)


@click.command()
@click.option(
    "--http",
    "port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help=f"Serve HTTP on {LOOPBACK}, below /mcp, in place of standard input and output.",
)
@with_server
def mcp(client: Client, port: int | None) -> None:
    """Offer a running server to coding agents, as tools of the Model Context Protocol.

    An agent starts it by itself: say `mocksrv mcp` in its settings, or `mocksrv exec -- mocksrv mcp` for a server of
    its own.
    """
    try:
        import anyio
        import uvicorn  # comes with it
        from mcp.server.stdio import stdio_server
    except ModuleNotFoundError:
        raise click.ClickException(MISSING) from None
    except ImportError as error:
        raise click.ClickException(f"{CLASHING} ({error.msg.partition(' (')[0]})") from None
    server = serving(client)
    if port is not None:
        click.echo(f"Agents find it at http://{LOOPBACK}:{port}/mcp   Ctrl-C ends it.")
        uvicorn.run(server.streamable_http_app(host=LOOPBACK), host=LOOPBACK, port=port, log_level="warning")
        return

    async def on_stdio() -> None:
        async with stdio_server() as (reader, writer):
            await server.run(reader, writer, server.create_initialization_options())

    anyio.run(on_stdio)


def serving(client: Client) -> Server[Any]:
    """The server of the protocol for a server of ours. Raises ControlError, Unreachable where there is none."""
    import mcp_types as protocol
    from anyio import to_thread
    from mcp.server.lowlevel import Server

    known = {tool.name: tool for tool in (*tools(client.get("/openapi.json")), CHECK_CONSUMER)}

    async def list_tools(_: Any, __: Any) -> protocol.ListToolsResult:
        return protocol.ListToolsResult(tools=[_declared(tool) for tool in known.values()])

    async def call_tool(_: Any, asked: protocol.CallToolRequestParams) -> protocol.CallToolResult:
        tool = known.get(asked.name)
        given = asked.arguments or {}
        said, good = await to_thread.run_sync(called, client, tool, given) if tool else (_unknown(asked.name), False)
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        return protocol.CallToolResult(
            content=[protocol.TextContent(type="text", text=text)],
            structured_content=said if isinstance(said, dict) else None,
            is_error=not good,
        )

    def _unknown(name: str) -> str:
        return f"there is no tool {name!r}; there are {', '.join(known)}"

    def _declared(tool: Tool) -> protocol.Tool:
        hints = protocol.ToolAnnotations(read_only_hint=tool.method == "GET")
        return protocol.Tool(name=tool.name, description=tool.about, input_schema=tool.arguments, annotations=hints)

    return Server(
        "mocksrv",
        version=__version__,
        instructions=INSTRUCTIONS.format(places=places(client)),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def places(client: Client) -> str:
    """The base URLs of the providers' APIs, one a line."""
    found = (declared(name) for name in PROVIDERS)
    return "\n".join(f"- {provider.title}: {client.base_url}{provider.prefix}" for provider in found)


def called(client: Client, tool: Tool, given: Mapping[str, Any]) -> tuple[Any, bool]:
    """What a tool answers (JSON, or a line of text), and whether it did what it was asked."""
    try:
        if tool is CHECK_CONSUMER:
            return check_consumer(tool, given), True
        path, body = tool.request(given)
        return client.at(client.url).call(tool.method, path, body) or "done", True  # a connection for each: some wait
    except (ArgumentError, ControlError, Unreachable) as error:
        return str(error), False
    except click.ClickException as error:
        return error.format_message(), False


def check_consumer(tool: Tool, given: Mapping[str, Any]) -> Any:
    """The report of `mocksrv check-consumer`. Raises ArgumentError, click.ClickException."""
    from mocksrv.cli.check_consumer import report, run

    tool.request(given)
    return report(given["url"], run(given["url"], given.get("auth"), (), given.get("provider", next(iter(PROVIDERS)))))

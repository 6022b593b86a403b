"""A coding agent, by the official SDK of the Model Context Protocol, in an environment that has it.

``python agent.py URL`` or ``python agent.py COMMAND ...`` reads calls (JSON: a list of tool and arguments) from its
standard input, makes them, and prints what it was told and answered.
"""

import json
import sys

import anyio
from mcp import StdioServerParameters
from mcp.client import Client


async def main(where: list[str], calls: list) -> None:
    place = where[0] if len(where) == 1 else StdioServerParameters(command=where[0], args=where[1:])
    async with Client(place) as agent:
        tools = (await agent.list_tools()).tools
        results = [await agent.call_tool(name, arguments) for name, arguments in calls]
        told = {
            "instructions": agent.instructions,
            "tools": {tool.name: tool.annotations.read_only_hint for tool in tools},
            "results": [each.content[0].text if each.is_error else each.structured_content for each in results],
        }
    print(json.dumps(told))


anyio.run(main, sys.argv[1:], json.load(sys.stdin))

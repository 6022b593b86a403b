"""mocksrv: a local sandbox server that stands in for the open-finance providers MX, Mono and Finicity.

`Server` is one in a program; ``mocksrv serve`` is one on the command line.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mocksrv.client import ControlError as ControlError
    from mocksrv.client import Sandbox as Sandbox
    from mocksrv.client import Unreachable as Unreachable
    from mocksrv.server import Server as Server
    from mocksrv.settings import SettingError as SettingError
    from mocksrv.web.hosting.hosting import StartError as StartError

__version__ = "0.1.0"
__all__ = ["ControlError", "Sandbox", "Server", "SettingError", "StartError", "Unreachable", "__version__"]

_HOMES = {
    "ControlError": "mocksrv.client",
    "Sandbox": "mocksrv.client",
    "Server": "mocksrv.server",
    "SettingError": "mocksrv.settings",
    "StartError": "mocksrv.web.hosting.hosting",
    "Unreachable": "mocksrv.client",
}


def __getattr__(name: str) -> Any:
    """The public names, imported with their first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mocksrv' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

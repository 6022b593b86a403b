"""How the web floor is set up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebOptions:
    """``public_url``: the base of handed-out links instead of the request's host. ``control_from``: loopback or
    private. ``threads``: how many requests are served at the same time.
    """

    public_url: str | None = None
    control_from: str = "loopback"
    control_token: str | None = None
    threads: int = 32

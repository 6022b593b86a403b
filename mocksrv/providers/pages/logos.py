"""Logos of institutions, drawn here: initials on a colour that follows from the code."""

from __future__ import annotations

from zlib import crc32

from markupsafe import Markup, escape

# Dark enough for white letters on them (4.5 : 1).
COLOURS = ("#0b6e7f", "#1b5fa8", "#5b4bb5", "#8a3d8f", "#a8324e", "#9a4a12", "#5f6312", "#2a6f3a", "#3d5a6c", "#6b4f3a")


def logo(name: str, code: str, size: int = 40) -> Markup:
    """An SVG picture of ``size`` pixels that says nothing to screen readers: the name stands beside it."""
    colour = COLOURS[crc32(code.encode()) % len(COLOURS)]
    return Markup(
        '<svg class="logo" width="{size}" height="{size}" viewBox="0 0 40 40" aria-hidden="true" focusable="false">'
        '<rect width="40" height="40" rx="8" fill="{colour}"/><text x="20" y="26" fill="#fff" font-size="16"'
        ' font-weight="600" text-anchor="middle">{letters}</text></svg>'
    ).format(size=size, colour=colour, letters=escape(_initials(name)))


def _initials(name: str) -> str:
    words = [word for word in name.replace(":", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"

"""Forms that are sent at the same moment: a double click, two tabs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
from flask import Flask

from mocksrv.engine.world import World
from mocksrv.providers.pages.page import PageRequest

TOGETHER = 2


def sent_at_once(app: Flask, address: str, form: Mapping[str, str], patch: pytest.MonkeyPatch) -> set[int]:
    """The statuses of two posts of a form, of which neither changes anything before the other has looked too."""
    looked, change = threading.Barrier(TOGETHER), PageRequest.change
    waiting = threading.local()

    def held(self: PageRequest) -> AbstractContextManager[World]:
        if not hasattr(waiting, "over"):  # only before the first change of a post
            waiting.over = True
            looked.wait(10)
        return change(self)

    with patch.context() as patched, ThreadPoolExecutor(TOGETHER) as pool:
        patched.setattr(PageRequest, "change", held)
        posts = [pool.submit(app.test_client().post, address, data=form) for _ in range(TOGETHER)]
        return {each.result().status_code for each in posts}

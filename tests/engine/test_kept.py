"""Answers that are kept until their sandbox changes."""

from __future__ import annotations

from mocksrv.engine.kept import LARGEST_KEPT, MOST_KEPT, Kept, stamp
from tests.engine.toy import ToyEngine


def test_what_was_made_is_found_until_the_sandbox_changes(toy: ToyEngine) -> None:
    kept, sandbox = Kept(), toy.sandbox
    kept.keep(sandbox, ("page", 1), stamp(sandbox), b"made")
    assert kept.find(sandbox, ("page", 1)) == b"made"
    assert kept.find(sandbox, ("page", 2)) is None
    with toy.engine.change(sandbox):
        pass
    assert kept.find(sandbox, ("page", 1)) is None


def test_what_was_read_before_a_change_is_not_found_after_it(toy: ToyEngine) -> None:
    kept, sandbox = Kept(), toy.sandbox
    before = stamp(sandbox)
    with toy.engine.change(sandbox):
        pass
    kept.keep(sandbox, ("page", 1), before, b"of yesterday")
    assert kept.find(sandbox, ("page", 1)) is None


def test_what_was_asked_for_least_recently_goes_first(toy: ToyEngine) -> None:
    kept, sandbox = Kept(), toy.sandbox
    most = MOST_KEPT // LARGEST_KEPT
    for number in range(most):
        kept.keep(sandbox, (number,), stamp(sandbox), bytes(LARGEST_KEPT))
    assert kept.find(sandbox, (0,)) is not None
    kept.keep(sandbox, (most,), stamp(sandbox), bytes(LARGEST_KEPT))
    there = [number for number in range(most + 1) if kept.find(sandbox, (number,)) is not None]
    assert there == [0, *range(2, most + 1)]


def test_one_huge_answer_is_not_kept(toy: ToyEngine) -> None:
    kept, sandbox = Kept(), toy.sandbox
    kept.keep(sandbox, ("huge",), stamp(sandbox), bytes(LARGEST_KEPT + 1))
    assert kept.find(sandbox, ("huge",)) is None

"""Work ahead of its use: the same answers, and the same errors, in their place."""

from __future__ import annotations

import threading

import pytest

from crmkit.engine.prefetch import ahead, soon


def test_an_answer_is_begun_before_it_is_asked_for() -> None:
    begun = threading.Event()

    def work() -> int:
        begun.set()
        return 7

    answer = soon(work)
    assert begun.wait(10)
    assert [answer(), answer()] == [7, 7]


def test_what_a_thread_raises_is_raised_where_the_answer_is_asked_for() -> None:
    def fail() -> int:
        raise ValueError("no answer")

    answer = soon(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="no answer"):
            answer()
    failing = ahead(1 // (2 - number) for number in range(9))
    assert [next(failing), next(failing)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(failing)

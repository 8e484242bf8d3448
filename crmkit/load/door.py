"""The way into every question from Python: whatever data, errors in Python's words, an account of the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from crmkit.errors import CrmkitError
from crmkit.load.dataset import Dataset, data_of
from crmkit.load.transactions import Transactions
from crmkit.load.uncounted import without_money
from crmkit.result import Result

Question = TypeVar("Question", bound=Callable[..., Result])
# Whether options were typed on a command line, and errors name them so.
is_typed = ContextVar("is_typed", default=False)
_TYPED = (  # for a sentence that goes wrong: not compiled before there is one
    r"`[^`]*`|(?<![\w-])--([a-z][a-z-]*)( [A-Z][A-Z|]*(?=[ .,;:)]|$)| ['\"\d][^ ,;]*?(?=[.,;:)]?(?: |$))| (?!out\b)[\w%.-]+(?=[.,;)]))?"
)


def question(analyse: Question) -> Question:
    """`analyse` for whatever holds data: what `crmkit.read` returns or takes, or customers.

    The result gets the account of the rows that were read for it.
    """

    parameters = signature(analyse)

    @wraps(analyse)
    def asked(*args: Any, **options: Any) -> Result:
        data = parameters.bind(*args, **options).arguments.pop("data", None)
        with pythonic():
            is_without = data is None and parameters.parameters["data"].default is None
            given = None if is_without else data_of(data)
            result = analyse(given, **{name: one for name, one in options.items() if name != "data"})
        if isinstance(given, Dataset | Transactions) and given.counts_only:
            result = without_money(result)
        if isinstance(given, Dataset):
            return replace(result, account=given.account_of_answer)
        return replace(result, account=given.audit) if isinstance(given, Transactions) else result

    return cast(Question, asked)


@contextmanager
def pythonic() -> Iterator[None]:
    """Errors name Python's arguments, unless the options were typed."""
    try:
        yield
    except CrmkitError as error:
        if not is_typed.get():
            error.args = (in_python(str(error)),)
        raise


def in_python(sentence: str) -> str:
    """A sentence with Python's names of options: `--r-cuts 1,2` is `r_cuts=1,2`; lines to type stay."""
    return re.sub(_TYPED, _named, sentence)


def _named(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]
    name = found[1].replace("-", "_")
    name = {"from": "from_"}.get(name, name)
    return f"{name}={found[2].strip()}" if found[2] else name

"""The way into every question from Python: whatever data, errors in Python's words, an account of the rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from crmkit.errors import CrmkitError
from crmkit.load.dataset import Data, Dataset, data_of
from crmkit.load.transactions import Transactions
from crmkit.result import Result

Options = ParamSpec("Options")
_TYPED = re.compile(
    r"`[^`]*`|(?<![\w-])--([a-z][a-z-]*)( [A-Z][A-Z|]*(?=[ .,;:)]|$)| ['\"\d][^ ,;]*?(?=[.,;:)]?(?: |$))| (?!out\b)[\w%.-]+(?=[.,;)]))?"
)


def question(
    analyse: Callable[Concatenate[Data, Options], Result],
) -> Callable[Concatenate[Any, Options], Result]:
    """`analyse` for whatever holds data: what `crmkit.read` returns or takes, or customers.

    The result gets the account of the rows that were read for it.
    """

    @wraps(analyse)
    def asked(data: Any, *args: Options.args, **options: Options.kwargs) -> Result:
        try:
            given = data_of(data)
            result = analyse(given, *args, **options)
        except CrmkitError as error:
            if not getattr(data, "from_command_line", False):
                error.args = (in_python(str(error)),)
            raise
        if isinstance(given, Dataset):
            return replace(result, account=given.account_of_answer)
        return replace(result, account=given.audit) if isinstance(given, Transactions) else result

    return asked


def in_python(sentence: str) -> str:
    """A sentence with Python's names of options: `--r-cuts 1,2` is `r_cuts=1,2`; lines to type stay."""
    return _TYPED.sub(_named, sentence)


def _named(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]
    name = found[1].replace("-", "_")
    name = {"from": "from_"}.get(name, name)
    return f"{name}={found[2].strip()}" if found[2] else name

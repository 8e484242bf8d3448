"""What can go wrong, in the user's words.

    CrmkitError
    ├── UsageError      the command line is wrong                  exit status 2
    ├── DataError       the data, a file or the disk would not do  exit status 1
    │   └── ModelError  a model cannot be fitted to these data
    └── GateError       a gate that the user set tripped           exit status 3

Each message is whole sentences: what was wrong, what was there, what to type next. Nothing here
knows how it will be printed; `cli.py` catches the base class once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class CrmkitError(Exception):
    """Something the user can mend; the message says how.

    `options` are options of the command line that would (as far as can be told) mend it: name → value. `line` is
    a whole command line that does, once it was tried.
    """

    exit_status = 1

    def __init__(self, message: str = "", *, options: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.options = dict(options or {})
        self.line: str | None = None


class UsageError(CrmkitError):
    """The command line asks for something that does not exist or contradicts itself."""

    exit_status = 2


class DataError(CrmkitError):
    """The data, a file or the disk would not do."""


class ModelError(DataError):
    """A model cannot be fitted to these data."""


class GateError(CrmkitError):
    """A limit that the user set (`--strict`, `--max-rejects`) was passed."""

    exit_status = 3


@contextmanager
def typed_as(option: str, role: str) -> Iterator[None]:
    """Errors about the column of a role name the option that stands for it here, such as `level` for `product`."""
    try:
        yield
    except CrmkitError as error:
        error.args = (str(error).replace(f"--{role} ", f"--{option} "),)
        error.options = {}  # they are tried as options on reading, which this one is not
        raise

"""How the columns of this input are to be read: decided once, before the rows are counted.

A plan is made from a sample and checked by the pass itself: what the sample did not show is a
surprise (see `audit.py`), and a surprise is surveyed before anything is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from crmkit.load.columns.expression import Expression
from crmkit.load.columns.roles import Role
from crmkit.load.lines import Lines
from crmkit.load.statuses import StatusRule
from crmkit.load.values.dates import ISO, DateLayout
from crmkit.load.values.numbers import NumberStyle

if TYPE_CHECKING:
    from crmkit.load.layouts.layout import Layout as Export
    from crmkit.load.lists import Excluded

MAX_SCALE = 6


@dataclass(frozen=True)
class Options:
    """What the user said about the input; every None is left to be found."""

    columns: Mapping[str, str | None] = field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None
    header: tuple[str, ...] = ()  # of files that have none
    date_format: str | None = None
    decimal: str | None = None
    tz: str = "UTC"
    source_tz: str | None = None  # in which moments without an offset are written
    nobody: tuple[str, ...] = ()  # ids, in lower case, that stand for no customer
    as_of: date | None = None
    since: date | None = None
    currency: str | None = None
    exclude_status: tuple[str, ...] = ()
    refund_status: tuple[str, ...] = ()
    amount_per: str | None = None  # order or line: what the amount of a row is of
    count: bool = False  # there are no amounts; every row is one purchase of nothing
    orders_restart: str | None = None  # daily or never: how long an order id is one order's
    ignore_refunds: bool = False
    layout: str | None = None  # a name, a file, or none
    # What a layout says: the export that the file is, why it is taken for it, and role → column or formula.
    read_as: Export | None = None
    read_as_why: str = ""
    proposed: Mapping[str, str] = field(default_factory=dict)
    exclude: Excluded | None = None  # customers who are left out
    rules: tuple[StatusRule, ...] = ()  # of the roles `status`, `status 2`, …


@dataclass(frozen=True)
class ReadingPlan:
    """How each role's text becomes a value.

    `numbers` holds a style for each column that a formula names, by its name in the file.
    `scale` is the number of decimals kept: amounts are whole numbers of 10**-scale.
    """

    roles: Mapping[str, Role]
    layout: DateLayout = ISO
    numbers: Mapping[str, NumberStyle] = field(default_factory=dict)
    scale: int = 2
    wide: bool = False  # Int128 for amounts, where sums could pass 2**63
    float_ids: bool = False  # ids are whole numbers, some written 12345.0
    lines: Lines = field(default_factory=Lines)
    said: tuple[str, ...] = ()  # what was found of lines, in words
    anonymous: bool = False  # rows without a customer id take part
    priced: bool = False  # rows without a cost take no part
    options: Options = field(default_factory=Options)

    @property
    def amount(self) -> Expression | None:
        """The formula of the amount, None where the input has none."""
        return self.roles["amount"].formula if "amount" in self.roles else None

    def columns(self) -> list[str]:
        """The file's columns that must be read."""
        return list(dict.fromkeys(name for role in self.roles.values() for name in role.formula.columns))

    def but(self, **changes: object) -> ReadingPlan:
        """This plan with some decisions changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

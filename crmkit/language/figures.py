"""Numbers as they stand in sentences."""

from __future__ import annotations

from decimal import Decimal

# From here on, hundredths tell a reader nothing.
LARGE = 100_000


def percent(part: float) -> str:
    """A part of a whole without needless digits: 31%, 0.4%; what is neither nothing nor all is not rounded to it."""
    size: float = abs(part)
    if 0 < size < 0.0005:
        return "<0.1%"
    if 0.9995 <= size < 1:
        return "99.9%"
    decimals = 1 if 0 < size < 0.01 or 0.99 < size < 1 else 0
    return f"{part:z,.{decimals}%}"


def money_decimals(top: float | Decimal) -> int:
    """Decimals of amounts of which the largest is `top`."""
    return 0 if not -LARGE < top < LARGE else 2


def money(amount: float | Decimal, top: float | Decimal | None = None) -> str:
    """An amount with separators: 42,795.31 or 1,234,568; as many decimals as `top` has, which stands beside it."""
    return f"{amount:z,.{money_decimals(amount if top is None else top)}f}"

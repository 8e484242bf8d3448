"""Which customer belongs to which arm of a campaign: a hash decides, so nobody has to remember.

The place of a customer is the first eight bytes of SHA-256 of `NAME:ID`, big-endian, as a part of 2**64.
Any language has that function, so a shop's own systems can ask who is in which arm without a file.
Arms divide the places in the order in which they are named, the control first. Another name deals anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import accumulate

import polars as pl

from crmkit import parse
from crmkit.engine.rows import Rows
from crmkit.errors import UsageError

CONTROL = "control"
TREATED = "treated"
_PLACES = 2**64
Shares = Mapping[str, Fraction]
Share = Fraction | float | str


def planned_arms(control: Share, others: str | Mapping[str, Share | None] | None) -> Shares:
    """The shares of all arms, from what was typed."""
    if isinstance(others, Mapping):
        given = {arm: None if part is None else share(part, f"--arms {arm}") for arm, part in others.items()}
    else:
        given = named(others)
    return shares(share(control, "--control"), given)


def share(text: Share, option: str) -> Fraction:
    """`10%` or `0.1`, exactly."""
    if isinstance(text, Fraction):
        return text
    return Fraction(parse.percent(text, option)).limit_denominator(10**9)


def named(text: str | None) -> dict[str, Fraction | None]:
    """`A=45%,B=45%`, or `A,B` where the shares are left open."""
    found: dict[str, Fraction | None] = {}
    for part in parse.names(text, "--arms") if text else ():
        arm, sign, given = (word.strip() for word in part.rpartition("=")) if "=" in part else (part, "", "")
        if not arm or (sign and not given) or arm in found:
            raise UsageError(f"--arms is {text!r}. Name each arm once, like A=45%,B=45% or A,B.")
        found[arm] = share(given, f"--arms {arm}") if sign else None
    return found


def shares(control: Fraction, others: Mapping[str, Fraction | None]) -> Shares:
    """The part of the customers that each arm gets, the control first; they add up to one.

    `others` without a share divide equally what is left; none at all is one arm, `treated`.
    """
    if not 0 < control < 1:
        raise UsageError(
            f"--control is {_percent(control)}; somebody must be left out and somebody treated. Say --control 10%."
        )
    named = dict(others) or {TREATED: None}
    if CONTROL in named:
        raise UsageError(f"--arms names {CONTROL!r}, whose share is that of --control. Leave it out there.")
    given = control + sum((share for share in named.values() if share is not None), Fraction(0))
    open_ = [name for name, share in named.items() if share is None]
    left = (1 - given) / len(open_) if open_ else Fraction(0)
    found = {CONTROL: control, **{name: left if share is None else share for name, share in named.items()}}
    if min(found.values()) <= 0 or sum(found.values()) != 1:
        raise UsageError(
            f"--control {_percent(control)} and the shares of --arms come to {_percent(given)} and must come to 100%. "
            f"Say --arms {','.join(f'{name}={_percent((1 - control) / len(named))}' for name in named)}."
        )
    return found


def _percent(share: Fraction) -> str:
    return f"{float(share) * 100:.6g}%"


def places(name: str, ids: Iterable[str]) -> list[int]:
    """The place of each id, from 0 to 2**64 - 1."""
    start = hashlib.sha256(f"{name}:".encode())
    found = []
    for one in ids:
        digest = start.copy()
        digest.update(one.encode())
        found.append(int.from_bytes(digest.digest()[:8], "big"))
    return found


def dealt(people: Rows, name: str, planned: Shares, stratum: str | None) -> Rows:
    """The same customers with their `group` and its `planned_share`.

    Without `stratum` an arm is a matter of the customer alone. With it, the customers of each stratum are put in the
    order of their places and cut at the shares, so that each stratum is divided exactly, up to part of a customer.
    """
    if stratum is None:
        return people.by_row(partial(_by_place, name=name, planned=planned))
    return people.by_key(stratum, partial(_by_rank, name=name, planned=planned, stratum=stratum))


def _by_place(people: pl.DataFrame, name: str, planned: Shares) -> pl.DataFrame:
    place = pl.Series(places(name, people["customer"]), dtype=pl.UInt64)
    bounds = [int(end * _PLACES) for end in accumulate(planned.values())]
    return _with_arm(people, place, bounds[:-1], planned)


def _with_arm(people: pl.DataFrame, place: pl.Series, bounds: Sequence[int], planned: Shares) -> pl.DataFrame:
    """An arm goes up to its bound, the last one to the end."""
    number = sum(((place >= bound).cast(pl.UInt32) for bound in bounds), pl.Series(place * 0).cast(pl.UInt32))
    names = pl.Series(list(planned), dtype=pl.String)
    parts = pl.Series([float(share) for share in planned.values()])
    return people.with_columns(
        names.gather(number).alias("group"), parts.gather(number).alias("planned_share")
    )


def _by_rank(people: pl.DataFrame, name: str, planned: Shares, stratum: str) -> pl.DataFrame:
    place = pl.Series("__place", places(name, people["customer"]), dtype=pl.UInt64)
    ordered = people.with_columns(place).sort(stratum, "__place", "customer").drop("__place")
    cut = [_cut(one, name, planned, stratum) for one in ordered.partition_by(stratum, maintain_order=True)]
    return pl.concat(cut) if cut else _by_place(people, name, planned)


def _cut(people: pl.DataFrame, name: str, planned: Shares, stratum: str) -> pl.DataFrame:
    """What does not come out even goes up or down by the stratum's own place, so that small strata favour no arm."""
    label = people[stratum][0]
    (own,) = places(name, [f"{stratum}={label}"])
    bounds = [int(end * people.height + Fraction(own, _PLACES)) for end in accumulate(planned.values())]
    rank = pl.int_range(people.height, dtype=pl.UInt64, eager=True)
    return _with_arm(people, rank, bounds[:-1], planned)

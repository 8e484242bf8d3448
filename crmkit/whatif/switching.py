"""Customers who move between stores: a Markov chain with a door to the outside.

In every period each customer of store i stays with probability p_ii, moves to store j with p_ij and
leaves for elsewhere with what remains. `join` new customers arrive at each store. With a referral
rate k, every customer who stays brings k new ones, and every customer who is lost takes k of those
who would have stayed along to elsewhere. Expected customers then follow

    n(t+1) = n(t) M + join,   M_ij = p_ij for i != j,   M_ii = (1 + k) (p_ii - k (1 - p_ii)).

Brand switching as a Markov chain goes back to Lipstein, "The dynamics of brand loyalty and brand
switching" (1959).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmkit.errors import UsageError

ELSEWHERE = "elsewhere"
# Beyond this many customers the arithmetic of a simulation would leave whole numbers.
MOST_CUSTOMERS = 1e15
_SUM_TOLERANCE = 1e-6
# 2**30 periods: longer than any chain that is not standing still needs to settle.
_DOUBLINGS = 30
# Eigenvalues closer than this are one.
_SAME = 1e-9

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Switching:
    """Rates per period between `stores`.

    `rates` has a row per store; its columns are the stores in the same order and then elsewhere, and
    each row sums to 1. `join` is the expected number of new customers per store.
    Raises UsageError for rates outside 0 to 1, rows that do not sum to 1, and a referral rate that
    would take away more customers than stay.
    """

    stores: tuple[str, ...]
    rates: Floats
    join: Floats
    referral: float = 0.0

    @classmethod
    def of(
        cls, stores: Sequence[str], flows: Mapping[tuple[str, str], float], *, referral: float = 0.0
    ) -> Switching:
        """From single flows: ("A", "B") and ("A", "elsewhere") are shares, ("elsewhere", "A") a number."""
        names = tuple(stores)
        still = cls(stores=names, rates=np.eye(len(names), len(names) + 1), join=np.zeros(len(names)))
        return still.with_flows(flows, referral=referral)

    def with_flows(
        self, flows: Mapping[tuple[str, str], float], *, referral: float | None = None
    ) -> Switching:
        """The same market with some flows replaced; who does not move stays."""
        rates, join = self.rates.copy(), self.join.copy()
        for (source, target), rate in flows.items():
            if source == ELSEWHERE and target != ELSEWHERE:
                join[self.index(target)] = rate
            else:
                rates[self.index(source), self._column(source, target)] = _share(source, target, rate)
        for i in {self.index(source) for source, _ in flows if source != ELSEWHERE}:
            rates[i, i] = _staying(self.stores[i], rates[i], i)
        return Switching(
            stores=self.stores,
            rates=rates,
            join=join,
            referral=self.referral if referral is None else referral,
        )

    def __post_init__(self) -> None:
        if ELSEWHERE in self.stores or len(set(self.stores)) < len(self.stores):
            raise UsageError(
                f"The stores are {', '.join(self.stores)}; each needs a name of its own, "
                f"and {ELSEWHERE!r} is taken by the world outside."
            )
        if self.rates.shape != (len(self.stores), len(self.stores) + 1):
            raise UsageError(
                f"{len(self.stores)} stores need a row each with {len(self.stores) + 1} rates "
                f"(the stores, then elsewhere), and there are {self.rates.shape}."
            )
        for store, row in zip(self.stores, self.rates, strict=True):
            _check_row(store, row)
        for store, number in zip(self.stores, self.join, strict=True):
            if not 0 <= number <= MOST_CUSTOMERS:
                raise UsageError(f"{number:g} customers join {store} per period; it must be 0 or more.")
        object.__setattr__(self, "rates", self.rates / self.rates.sum(axis=1, keepdims=True))
        self._check_referral()

    def _check_referral(self) -> None:
        if not 0 <= self.referral < np.inf:
            raise UsageError(f"The referral rate is {self.referral:g}; it must be 0 or more.")
        for store, stay in zip(self.stores, self._stay, strict=True):
            if self.referral * (1 - stay) > stay + _SUM_TOLERANCE:
                raise UsageError(
                    f"With a referral rate of {self.referral:g} the {1 - stay:.4g} that {store} loses would "
                    f"take {self.referral * (1 - stay):.4g} more along, and only {stay:.4g} stay. "
                    f"The rate can be at most {stay / (1 - stay):.4g}."
                )

    def index(self, store: str) -> int:
        """The place of a store; UsageError with the known names for an unknown one."""
        if store not in self.stores:
            raise UsageError(f"There is no store {store!r}; the stores are {', '.join(self.stores)}.")
        return self.stores.index(store)

    def _column(self, source: str, target: str) -> int:
        if source == target:
            raise UsageError(
                f"{source}:{target} names one store twice; who stays follows from who moves. "
                f"Write what moves, such as {self.stores[0]}:{ELSEWHERE}=2%."
            )
        return len(self.stores) if target == ELSEWHERE else self.index(target)

    @property
    def _stay(self) -> Floats:
        return np.diagonal(self.rates).copy()

    @property
    def loss(self) -> Floats:
        """The share of its customers that each store loses per period, to rivals and elsewhere."""
        return 1 - self._stay

    @property
    def moves(self) -> Floats:
        """`rates` after the lost have taken others along; still one row per store that sums to 1."""
        moves, stay = self.rates.copy(), self._stay
        along = np.minimum(self.referral * self.loss, stay)
        np.fill_diagonal(moves, stay - along)
        moves[:, -1] += along
        return moves

    @property
    def growth(self) -> Floats:
        """M of the module's formula: what one customer now means for each store a period later."""
        matrix = self.moves[:, :-1]
        return matrix + self.referral * np.diag(np.diagonal(matrix))

    @property
    def closed(self) -> bool:
        """Whether nobody joins or leaves, so that the number of customers stays the same."""
        return not (self.referral or self.join.any() or self.rates[:, -1].any())

    def expected(self, start: Sequence[float], periods: int) -> Floats:
        """Expected customers, one row per period from 0 to `periods`, one column per store."""
        path = np.empty((periods + 1, len(self.stores)))
        path[0] = start
        growth = self.growth
        for t in range(periods):
            path[t + 1] = path[t] @ growth + self.join
            if path[t + 1].max() > MOST_CUSTOMERS:
                largest = self.stores[int(path[t + 1].argmax())]
                raise UsageError(
                    f"{largest} would pass {MOST_CUSTOMERS:,.0f} customers in period {t + 1}. "
                    f"Lower the referral rate of {self.referral:g} or the number of periods."
                )
        return path

    def flows(self, path: Floats) -> dict[str, Floats]:
        """Expected won, lost, joined and left customers in each step of a path from `expected`.

        `path[t] + won - lost + joined - left` is `path[t + 1]`. Won and lost are moves between the
        stores; joined and left are moves from and to elsewhere, referrals among them.
        """
        moves, before = self.moves, path[:-1]
        between = moves[:, :-1] - np.diag(np.diagonal(moves))
        return {
            "won": before @ between,
            "lost": before * between.sum(axis=1),
            "joined": self.join + before * self.referral * np.diagonal(moves),
            "left": before * moves[:, -1],
        }

    def simulate(self, start: Sequence[int], periods: int, *, runs: int, seed: int) -> Iterator[Counts]:
        """Whole customers moved at random: for each period from 0 on, one row per run.

        Movers are multinomial draws; those who join and those whom the stayers bring are Poisson.
        """
        rng = np.random.default_rng(seed)
        now = np.tile(np.asarray(start, dtype=np.int64), (runs, 1))
        moves = self.moves
        yield now
        for _ in range(periods):
            now = self._step(rng, moves, now)
            yield now

    def _step(self, rng: np.random.Generator, moves: Floats, now: Counts) -> Counts:
        after, stayed = np.zeros_like(now), np.empty_like(now)
        for i, row in enumerate(moves):
            # The last outcome takes the rounding of the shares, and nobody must leave by rounding.
            moved = rng.multinomial(now[:, i], np.roll(row, 1))[:, 1:]
            after += moved
            stayed[:, i] = moved[:, i]
        if self.referral or self.join.any():
            after += rng.poisson(self.join + self.referral * stayed)
        return after

    def steady_shares(self, start: Sequence[float]) -> Floats | None:
        """Each store's share of the customers in the long run; None where it never settles or all leave.

        The matrix is squared until 2**30 periods have passed, which also answers for stores that
        nobody can reach, where an eigenvector alone would not say how the start matters.
        """
        system, state = self._system(start)
        step = system
        for _ in range(_DOUBLINGS):
            system = system @ system
            largest = system.max()
            if largest <= 0:
                return None
            system /= largest
        late = state @ system
        now, then = _shares(late, len(self.stores)), _shares(late @ step, len(self.stores))
        return now if now is not None and then is not None and np.allclose(now, then, atol=1e-9) else None

    def half_life(self) -> float | None:
        """Periods until half of the distance to the steady state is gone; None where that never happens.

        The distance shrinks by the ratio of the two largest eigenvalues: ln(1/2) / ln(|second| / |first|).
        A constant stream of joiners counts as an eigenvalue of 1.
        """
        values = np.linalg.eigvals(self.growth)
        if self.join.any():
            if abs(np.abs(values).max() - 1) < _SAME:
                return None
            values = np.append(values, 1)
        sizes = np.abs(values)
        first = sizes.max()
        leading = sizes > first - _SAME
        if leading.all() or np.abs(values[leading] - first).max() > _SAME:
            return None
        ratio = sizes[~leading].max() / first
        return float(np.log(0.5) / np.log(ratio)) if ratio > _SAME else 0.0

    def _system(self, start: Sequence[float] | Floats) -> tuple[Floats, Floats]:
        """Growth with the stream of joiners as one more state, where there is such a stream."""
        state = np.asarray(start, dtype=float)
        if not self.join.any():
            return self.growth, state
        size = len(self.stores)
        system = np.zeros((size + 1, size + 1))
        system[:size, :size] = self.growth
        system[size, :size], system[size, size] = self.join, 1
        return system, np.append(state, 1)


def _shares(state: Floats, size: int) -> Floats | None:
    total = state[:size].sum()
    return state[:size] / total if total > 0 else None


def _share(source: str, target: str, rate: float) -> float:
    if not 0 <= rate <= 1:
        raise UsageError(f"{source}:{target} is {rate:g}; a rate must lie between 0 and 1 (0% and 100%).")
    return rate


def _staying(store: str, row: Floats, i: int) -> float:
    moving = row.sum() - row[i]
    if moving > 1 + _SUM_TOLERANCE:
        raise UsageError(f"{store} would lose {moving:.4g} of its customers per period, more than there are.")
    return max(0.0, 1 - moving)


def _check_row(store: str, row: Floats) -> None:
    for rate in row:
        if not 0 <= rate <= 1:
            raise UsageError(f"The rates of {store} hold {rate:g}; a rate must lie between 0 and 1.")
    if abs(row.sum() - 1) > _SUM_TOLERANCE:
        raise UsageError(
            f"The rates of {store} sum to {row.sum():.6g} ({' + '.join(f'{rate:g}' for rate in row)}); "
            f"they must sum to 1."
        )

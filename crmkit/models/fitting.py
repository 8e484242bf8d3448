"""Fitting a purchase model: start, Newton's method, boundaries in words, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from crmkit.errors import ModelError
from crmkit.models.numerics.derivatives import Sums, added
from crmkit.models.numerics.optimise import TOLERANCE, Maximum, covariance, maximise
from crmkit.models.weighted import WeightedHistories, each_block

if TYPE_CHECKING:
    from crmkit.models.purchase import PurchaseModel

Array = np.ndarray

SHAPE_BOX = (1e-7, 1e6)  # beyond these a shape parameter is its limit to six digits
TIME_BOX = (1e-9, 1e9)  # in units of the mean T
SAMPLES = (
    1_000,
    16_000,
)  # customers on whom the starts, then the best of them, are tried before all are used
NEAR = 0.5  # of log-likelihood of the sample to gain: its own noise is more
FEW_REPEATERS = 50
NO_GAIN = 1e-4  # in log-likelihood over the model without drop-out
DOUBTFUL = 1.92  # half the 95 % point of χ² with one degree of freedom


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted model and how sure the data are of it.

    `model` predicts; it is the limit model (NBD) where a model with drop-out found none.
    `log_covariance` is of the logarithms of the parameters, in the order of `model.names`; a
    parameter that is not `identified` has no standard error. `notes` are whole sentences.
    """

    name: str
    model: Any
    log_likelihood: float
    customers: float
    free: int
    log_covariance: Array
    identified: tuple[bool, ...]
    notes: tuple[str, ...] = ()
    iterations: int = 0

    @property
    def params(self) -> dict[str, float]:
        return self.model.params

    @property
    def covariance(self) -> Array:
        """Covariance of the parameters themselves, by the delta method."""
        values = np.array(list(self.params.values()))
        return self.log_covariance * np.outer(values, values)

    @property
    def standard_errors(self) -> dict[str, float | None]:
        """By parameter; None where the data do not identify it."""
        errors = np.sqrt(np.diag(self.covariance)).tolist()
        known = zip(self.model.names, errors, self.identified, strict=True)
        return {name: error if sure else None for name, error, sure in known}

    @property
    def aic(self) -> float:
        return 2 * self.free - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        return self.free * float(np.log(max(self.customers, 1.0))) - 2 * self.log_likelihood

    def rescaled(self, unit: float) -> Fit:
        """The same predictions in a unit of time that is 1/`unit` of the present one.

        The log-likelihood stays in the unit of the fit.
        """
        return replace(self, model=self.model.rescaled(unit))

    def with_limits(self, given: Collection[str] = ()) -> Fit:
        """The fit with notes on the parameters that ran to the edge of their space; some were `given`."""
        notes = self.model.limit_notes()
        told = zip(self.model.names, self.identified, strict=True)
        unknown = [name for name, sure in told if not sure and name not in given]
        if unknown and not notes:
            notes = [
                f"The data do not tell {' and '.join(unknown)} apart from their limits: no standard error."
            ]
        return replace(self, notes=(*self.notes, *notes))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for a JSON file of about a kilobyte; `fit_from_dict` reads it."""
        return {
            **self.model.to_dict(),
            "asked": self.name,
            "log_likelihood": self.log_likelihood,
            "customers": self.customers,
            "free": self.free,
            "log_covariance": self.log_covariance.tolist(),
            "identified": list(self.identified),
            "notes": list(self.notes),
        }


def maximum_fit(
    start: Any, sums: Callable[[Any], Sums], box: Sequence[tuple[float, float]], customers: float
) -> Fit:
    """Maximum likelihood of any model: `sums(model)` is the log-likelihood with its derivatives."""
    low, high = np.log(box).T
    found = maximise(lambda log_params: sums(start.at(log_params)), start.log_params, lower=low, upper=high)
    return describe(start, found, (low, high), customers)


def describe(start: Any, found: Maximum, box: tuple[Array, Array], customers: float) -> Fit:
    """The answer at a maximum, in the units in which it was found."""
    cov, known = covariance(found.hessian, (found.point <= box[0]) | (found.point >= box[1]))
    stopped = "The search for the maximum stopped early; treat the parameters with care."
    return Fit(
        name=start.name,
        model=start.at(found.point),
        log_likelihood=found.value,
        customers=customers,
        free=len(start.names),
        log_covariance=cov,
        identified=tuple(known.tolist()),
        notes=() if found.converged else (stopped,),
        iterations=found.iterations,
    )


def row_sums(model: PurchaseModel, rows: WeightedHistories) -> Sums:
    """The weighted log-likelihood and its derivatives, summed in an order that never varies."""
    return added(each_block(lambda block: model.jet(block).total(block.weights), rows))


def box_of(model: PurchaseModel) -> tuple[Array, Array]:
    """Bounds of log_params, for time in units of the mean T."""
    bounds = [TIME_BOX if name in model.times else SHAPE_BOX for name in model.names]
    low, high = np.log(bounds).T
    return low, high


def newton(starts: Sequence[PurchaseModel], rows: WeightedHistories) -> Maximum:
    """The best maximum from several starts: all are tried on a sample, the best on all rows."""
    low, high = box_of(starts[0])

    def climb(log_params: Array, over: Callable[[Any], Sums], **how: Any) -> Maximum:
        return maximise(lambda now: over(starts[0].at(now)), log_params, lower=low, upper=high, **how)

    few, *more = [*(rows.thinned(size) for size in SAMPLES if 4 * size < len(rows.x)), rows]
    sums, goal = starts[0].likelihood(few), NEAR if more else TOLERANCE
    climbs = [climb(start.log_params, sums, limit=60, goal=goal) for start in starts]
    best = max(climbs, key=lambda one: one.value)
    if not more and not best.converged:
        return climb(best.point, sums)
    for part in more:
        # A fit of the sample may lie at the edge although all rows together have an inner maximum.
        inner = np.clip(best.point, low + 5, high - 5)
        best = climb(inner, starts[0].likelihood(part), goal=TOLERANCE if part is rows else NEAR)
    return best


def check_rows(rows: WeightedHistories) -> None:
    """Raise ModelError where no purchase model can be fitted."""
    if rows.customers <= 0:
        raise ModelError("There are no customers to fit a model to.")
    if not (rows.T > 0).any():
        raise ModelError("All customers first bought on the last day: there is no time to learn from.")
    if not (rows.x > 0).any():
        raise ModelError("Nobody bought twice, so no model of repeat purchases can be fitted.")


def fit_purchases(
    starts: Sequence[PurchaseModel], rows: WeightedHistories, forever: Sequence[PurchaseModel] = ()
) -> Fit:
    """Maximum likelihood over collapsed rows, in the unit of time of the rows.

    `forever` starts the model without drop-out, which takes over when drop-out adds nothing.
    """
    check_rows(rows)
    unit = float((rows.T * rows.weights).sum() / rows.customers)
    scaled = rows.scaled(unit)
    fit = describe(starts[0], newton(starts, scaled), box_of(starts[0]), rows.customers)
    events = starts[0].stages * float(rows.x @ rows.weights)
    fit = replace(
        fit,
        model=fit.model.rescaled(unit),
        log_likelihood=fit.log_likelihood - events * float(np.log(unit)),
    )
    fit = replace(fit, notes=(*_few(rows), *fit.notes)).with_limits()
    return _compare(fit, fit_purchases(forever, rows)) if forever else fit


def _compare(fit: Fit, forever: Fit) -> Fit:
    """The fit, or the model without drop-out in its place when the two are equally likely."""
    gain = fit.log_likelihood - forever.log_likelihood
    if gain < NO_GAIN:
        note = (
            f"{fit.model.title} found no drop-out in these data: nobody seems to leave, so the NBD, "
            "its limit, makes the predictions. Customers who are lost are not recognised."
        )
        return replace(forever, name=fit.name, free=fit.free, notes=(*forever.notes, note))
    if gain < DOUBTFUL:
        note = (
            f"Drop-out is hardly identified: {fit.model.title} is only {gain:.2g} more likely (log) than "
            "a model in which nobody leaves."
        )
        return replace(fit, notes=(*fit.notes, note))
    return fit


def _few(rows: WeightedHistories) -> list[str]:
    repeaters = float(rows.weights[rows.x > 0].sum())
    if repeaters >= FEW_REPEATERS:
        return []
    return [f"Only {repeaters:,.0f} customers bought again; the parameters are little more than a guess."]

"""Purchase models whose parameters depend on what is known of a customer (Hardie's note 019).

What customers have in common (acquisition channel, region, …) multiplies scale parameters:
purchases by alpha·e^{−γ'z}, drop-out by beta·e^{−γ'z} for the Pareto/NBD, and by a·e^{γ'z} and
b·e^{δ'z} for the BG family, where two vectors are needed lest the mean of p be unable to move.
The logarithms of the parameters are linear in the coefficients, so the exact derivatives of the
plain models carry over. Customers with the same z share one plain model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from crmkit.errors import ModelError
from crmkit.models.fitting import box_of
from crmkit.models.numerics.optimise import Objective, covariance, maximise
from crmkit.models.purchase import PurchaseModel
from crmkit.models.weighted import WeightedHistories, collapse, columns

Array = np.ndarray

LARGEST = 20.0  # of a coefficient, in absolute value
EFFECTS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "nbd": (("alpha", "purchase", -1.0),),
    "paretonbd": (("alpha", "purchase", -1.0), ("beta", "dropout", -1.0)),
    "bgnbd": (("alpha", "purchase", -1.0), ("a", "dropout", 1.0), ("b", "dropout", 1.0)),
}
EFFECTS["mbgnbd"] = EFFECTS["bgnbd"]


@dataclass(frozen=True, kw_only=True)
class CovariateFit:
    """A fitted model with covariates.

    `base` is the plain model of a customer whose covariates are all zero. `coefficients` has one
    vector for each parameter that moves: its effect on the logarithm of that parameter, with the
    sign of `EFFECTS`. `log_covariance` is of log-parameters, then coefficients in that order; the
    log-likelihood is without the penalty.
    """

    base: PurchaseModel
    coefficients: dict[str, Array]
    log_likelihood: float
    customers: float
    log_covariance: Array
    identified: tuple[bool, ...]

    @property
    def free(self) -> int:
        return len(self.log_covariance)

    @property
    def aic(self) -> float:
        return 2 * self.free - 2 * self.log_likelihood

    @property
    def standard_errors(self) -> dict[str, list[float | None]]:
        """Of the coefficients, by the parameter that they move; None where they are not identified."""
        errors = np.sqrt(np.diag(self.log_covariance)).tolist()
        known = [error if sure else None for error, sure in zip(errors, self.identified, strict=True)]
        answer, at = {}, len(self.base.names)
        for name, vector in self.coefficients.items():
            answer[name] = known[at : at + len(vector)]
            at += len(vector)
        return answer

    def model(self, purchase: ArrayLike, dropout: ArrayLike) -> PurchaseModel:
        """The plain model of the customers with these covariates."""
        z = {"purchase": np.asarray(purchase, float), "dropout": np.asarray(dropout, float)}
        log_params = self.base.log_params
        for name, which, sign in EFFECTS[self.base.name]:
            log_params[self.base.names.index(name)] += sign * float(z[which] @ self.coefficients[name])
        return self.base.at(log_params)

    def apply(
        self, function: Callable[..., Array], purchase: ArrayLike, dropout: ArrayLike, *arguments: ArrayLike
    ) -> Array:
        """`function(model, *arguments)` of each customer with the model of that customer's covariates.

        For example `fit.apply(lambda model, x, t_x, T: model.p_alive(x, t_x, T), z, z, x, t_x, T)`.
        """
        arrays = columns(*arguments)
        answer = np.empty(len(arrays[0]))
        for z_purchase, z_dropout, rows in _patterns(purchase, dropout, len(answer)):
            answer[rows] = function(self.model(z_purchase, z_dropout), *(column[rows] for column in arrays))
        return answer


def fit_covariates(
    kind: type[PurchaseModel],
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    *,
    purchase: ArrayLike,
    dropout: ArrayLike,
    weights: ArrayLike | None = None,
    l2: float = 0.0,
) -> CovariateFit:
    """Maximum likelihood with covariates: `purchase` (n, p) and `dropout` (n, q), numbers or dummies.

    `l2` takes l2/2 · Σ coefficient² off the log-likelihood. Time grows with the number of different
    rows of covariates: code them in classes. Raises ModelError as `fit` does.
    """
    if kind.name not in EFFECTS:
        raise ModelError(f"{kind.title} takes no covariates; these models do: {', '.join(EFFECTS)}.")
    plain = kind.fit(x, t_x, T, weights)
    x, t_x, T, w = columns(x, t_x, T, 1.0 if weights is None else weights)
    unit = float(T @ w / w.sum())
    base = plain.model.rescaled(1 / unit) if isinstance(plain.model, kind) else kind.starts()[0]
    parts = []
    for z_purchase, z_dropout, rows in _patterns(purchase, dropout, len(x)):
        group = collapse(x[rows], t_x[rows], T[rows], w[rows]).scaled(unit)
        z = {"purchase": z_purchase, "dropout": z_dropout}
        parts.append((_design(base, z), group))
    sizes = {name: len(z[which]) for name, which, _ in EFFECTS[kind.name]}
    return climb(base, parts, sizes, (unit, l2))


def climb(
    base: PurchaseModel,
    parts: list[tuple[Array, WeightedHistories]],
    sizes: dict[str, int],
    scales: tuple[float, float],
) -> CovariateFit:
    """Newton's method on log-parameters and coefficients together; `scales` are the unit of time and l2.

    Each part of the customers comes with the matrix that turns log-parameters and coefficients into its
    own log-parameters; `sizes` are the numbers of coefficients by the parameter that they move.
    """
    p, more, (unit, l2) = len(base.names), sum(sizes.values()), scales
    shrunk = np.r_[np.zeros(p), np.full(more, l2)]
    objective = likelihood_of(base, parts, shrunk)
    low, high = box_of(base)
    low, high = np.r_[low, np.full(more, -LARGEST)], np.r_[high, np.full(more, LARGEST)]
    found = maximise(objective, np.r_[base.log_params, np.zeros(more)], lower=low, upper=high)
    cov, known = covariance(found.hessian, (found.point <= low) | (found.point >= high))
    events = sum(float(rows.x @ rows.weights) for _, rows in parts)
    ends = p + np.cumsum(list(sizes.values()))
    return CovariateFit(
        base=base.at(found.point[:p]).rescaled(unit),
        coefficients=dict(zip(sizes, np.split(found.point, [p, *ends[:-1]])[1:], strict=True)),
        log_likelihood=found.value + float(shrunk @ found.point**2) / 2 - events * float(np.log(unit)),
        customers=sum(rows.customers for _, rows in parts),
        log_covariance=cov,
        identified=tuple(known.tolist()),
    )


def likelihood_of(
    base: PurchaseModel, parts: list[tuple[Array, WeightedHistories]], shrunk: Array
) -> Objective:
    """The log-likelihood of log-parameters and coefficients, less what `shrunk` holds against each, in `climb`'s terms."""
    likelihoods = [(design, base.likelihood(rows)) for design, rows in parts]

    def objective(log_params: Array) -> tuple[float, Array, Array]:
        value, gradient, hessian = -shrunk @ log_params**2 / 2, -shrunk * log_params, -np.diag(shrunk)
        for design, sums in likelihoods:
            part, slope, bend = sums(base.at(design @ log_params))
            value, gradient = value + part, gradient + design.T @ slope
            hessian = hessian + design.T @ bend @ design
        return float(value), gradient, hessian

    return objective


def _design(base: PurchaseModel, z: dict[str, Array]) -> Array:
    """The matrix that turns log-parameters and coefficients into the log-parameters of one z."""
    blocks = [np.eye(len(base.names))]
    for name, which, sign in EFFECTS[base.name]:
        block = np.zeros((len(base.names), len(z[which])))
        block[base.names.index(name)] = sign * z[which]
        blocks.append(block)
    return np.hstack(blocks)


def _patterns(purchase: ArrayLike, dropout: ArrayLike, n: int) -> Iterator[tuple[Array, Array, Array]]:
    """Each different pair of covariate rows, and the customers who have it."""
    first, second = (np.asarray(values, float).reshape(n, -1) for values in (purchase, dropout))
    both = np.hstack([first, second])
    if not np.isfinite(both).all():
        raise ModelError("Covariates must be finite numbers; some are missing or infinite.")
    kinds, where = np.unique(both, axis=0, return_inverse=True)
    order = np.argsort(where, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(where, minlength=len(kinds)))[:-1])
    for kind, rows in zip(kinds, groups, strict=True):
        yield kind[: first.shape[1]], kind[first.shape[1] :], rows

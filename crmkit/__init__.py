"""Customer analytics: Pareto tiers, RFM, lifetime value and what belongs beside them."""

from crmkit import _version

__version__ = _version.VERSION

__all__ = ["__version__"]

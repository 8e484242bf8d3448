"""Customer analytics: Pareto tiers, RFM, lifetime value and what belongs beside them."""

from crmkit._version import VERSION as __version__

__all__ = ["__version__"]

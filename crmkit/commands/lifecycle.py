"""`crmkit lifecycle`: where growth comes from."""

from __future__ import annotations

from crmkit.options import PERIOD, Shared
from crmkit.session import Session


def lifecycle(common: Shared, period: PERIOD = "month") -> None:
    """Account for growth: new, retained, reactivated and lapsed customers and their revenue, by period.

    Example: crmkit lifecycle sales.parquet --period quarter
    """
    from crmkit import lifecycle as analysis
    from crmkit import periods

    by = periods.check(period)
    with Session("lifecycle", common) as session:
        sales = session.read()
        counts = sales.collect(lambda rows: analysis.count(rows, by))
        result = analysis.analyse(counts, begin=sales.begin, as_of=sales.as_of, scale=sales.scale, period=by)
        session.finish(result)

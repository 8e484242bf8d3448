"""Columns of questions about the customers of a file."""

from __future__ import annotations

from crmkit.vocabulary.column import Column

CHECK = {
    "role": Column("text", "what the column is used as"),
    "column": Column("text", "the name of the column in the file"),
    "why": Column("text", "how the column was found"),
    "seems": Column("text", "what the first values look like"),
    "type": Column("text", "how the column is stored"),
    "blank": Column("count", "rows without a value in the column"),
    "examples": Column("text", "the first values"),
    "outcome": Column("text", "what became of the rows"),
    "status": Column("text", "a word of a status column"),
    "counts_as": Column("text", "what rows with this word are: a sale, no sale, or money back"),
    "layout": Column("text", "the name of a layout"),
    "export": Column("text", "the export that it reads"),
    "known_by": Column("text", "columns by which the export is known"),
    "file": Column("text", "the file that a row stands in"),
    "line": Column("count", "the line of a CSV file, or the row of a Parquet file, counted from 1"),
    "reason": Column("text", "why a row was set aside"),
    "row": Column("text", "the row as it stands in the file"),
    "section": Column("text", "a part of the report"),
    "answer": Column("text", "what the report says there"),
}

PARETO = {
    "mean_revenue": Column("money", "revenue for each customer or item, on average"),
    "lowest_revenue": Column("money", "revenue of whoever has the least"),
    "profit_share": Column("share", "part of the profit of those above zero"),
    "orders_share": Column("share", "part of all orders"),
    "items": Column("count", "number of products, or whatever else is ranked in place of customers"),
    "items_share": Column("share", "part of all items"),
}

RFM = {
    "frequency": Column("count", "how often the customer bought: orders, days or rows, as asked"),
    "monetary": Column(
        "money", "what the customer is scored on: revenue, revenue per order or profit, as asked"
    ),
    "r": Column("score", "recency score, the highest for the latest order"),
    "f": Column("score", "frequency score, the highest for the most orders"),
    "m": Column("score", "monetary score, the highest for the most money"),
    "rfm": Column("text", "the three scores as one code, such as 543"),
    "action": Column("text", "what to do for the customers of the segment"),
    "mean_recency": Column("days", "recency on average, over customers with an order"),
    "mean_orders": Column("ratio", "orders for each customer with an order"),
    "mean_order_value": Column("money", "revenue for each order"),
    **{f"f{score}": Column("count", f"customers with an F score of {score}") for score in range(1, 10)},
}

# Customers who are late.
CHURN = {
    "status": Column("text", "active, overdue, lapsed (overdue, and no order in 365 days) or refund only"),
    "median_gap": Column("days", "the customer's median gap between purchase days, from three of them on"),
    "days_since": Column("days", "days from the last order to the as-of date"),
    "threshold": Column("days", "days without an order after which the customer is late"),
    "overdue_ratio": Column("ratio", "days since the last order, in median gaps of the customer"),
    "year_revenue": Column("money", "revenue of the last 365 days, refunds deducted"),
    "revenue_at_risk": Column("money", "that of customers who are late; in lists of everybody, of each"),
    "expected_loss": Column("money", "revenue at risk times the chance that the customer stays away"),
    "late": Column("count", "customers overdue or lapsed"),
    "silent": Column("count", "late customers without a refund before they became late"),
    "silent_churn": Column("share", "part of the late customers who were silent"),
    "rule": Column("text", "when a customer is called late"),
    "flagged": Column("count", "cases that the rule calls out"),
    "gone": Column("count", "customers who did not buy again"),
    "hits": Column("count", "customers whom the rule calls late and who did not buy again"),
    "precision": Column("share", "part of the flagged customers who did not buy again"),
    "recall": Column("share", "part of those who did not buy again whom the rule had flagged"),
    "base_rate": Column("share", "part of all customers who did not buy again"),
}

# Revenue by period.
TREND = {
    "orders_per_customer": Column("ratio", "orders for each customer who ordered in the period"),
    "order_value": Column("money", "revenue for each order"),
    "change": Column("money", "revenue less that of the period before"),
    "from_customers": Column("money", "part of the change that is due to the number of customers"),
    "from_frequency": Column("money", "part of the change that is due to orders per customer"),
    "from_order_value": Column("money", "part of the change that is due to the order value"),
    "year_on_year": Column("share", "growth of revenue over the same period a year before"),
    "forecast": Column("money", "revenue to be expected"),
    "low": Column("money", "lower end of the interval"),
    "high": Column("money", "upper end of the interval"),
    "held_out": Column("count", "periods that were kept back to test the forecast"),
    "mase": Column("ratio", "mean error, in mean errors of the naive method on the periods before"),
    "mape": Column("share", "mean error as a part of the value"),
    "coverage": Column("share", "part of the periods whose value lay in the interval"),
}

# Windows against the past.
DEVIATION = {
    "measure": Column("text", "what is compared: spend, gap or order size"),
    "direction": Column("text", "up or down from the customer's own median"),
    "observed": Column("ratio", "what the last window shows: money, or days for a gap"),
    "median": Column("ratio", "the customer's own median before the window"),
    "mad": Column("ratio", "median absolute deviation from that median"),
    "z": Column("ratio", "robust deviation, (observed - median) / (1.4826 MAD)"),
    "history": Column("count", "windows, gaps or purchase days that the median is of"),
    "tested": Column("count", "customers with enough history to be tested"),
    "up": Column("count", "alarms above the customer's median"),
    "down": Column("count", "alarms below the customer's median"),
    "expected_normal": Column("ratio", "alarms to be expected of normal noise"),
    "expected_past": Column("ratio", "alarms to be expected if this window is like those before"),
}

# Customers over time.
OVER_TIME = {
    "from": Column("text", "tier, segment or cell at the first date; entered: none yet"),
    "to": Column("text", "tier, segment or cell at the second date; left: none any more"),
    "move": Column("text", "up, same, across (to an equal one), down, entered or left"),
    "revenue_before": Column("money", "revenue as of the first date"),
    "revenue_change": Column("money", "revenue as of the second date less that as of the first"),
    "cohort": Column("text", "calendar period of the first order"),
    "size": Column("count", "customers of the cohort"),
    "complete": Column("flag", "whether the data cover the whole period"),
    "reactivated": Column("count", "customers with an order again, after a period or more without"),
    "lapsed": Column("count", "customers with an order in the period before and none in this"),
    "active": Column("count", "customers with an order in the period"),
    "retention_rate": Column("share", "part of the customers of the period before who have an order again"),
    "new_revenue": Column("money", "revenue of the new customers"),
    "retained_revenue": Column("money", "revenue of the retained customers"),
    "reactivated_revenue": Column("money", "revenue of the reactivated customers"),
    "inactive_revenue": Column("money", "refunds to customers without an order in the period"),
    "lapsed_revenue": Column("money", "what the lapsed customers brought in the period before"),
    "expansion": Column("money", "what retained customers brought more than in the period before"),
    "contraction": Column("money", "what retained customers brought less than in the period before"),
    "quick_ratio": Column(
        "ratio", "revenue gained (new, reactivated, expansion) for each unit lost (lapsed, contraction)"
    ),
    "stage": Column("text", "step on the ladder: first-time, repeat, loyal, or dormant"),
    "reached": Column("count", "customers who ever got to the step, the dormant ones included"),
    "conversion": Column("share", "part of those who reached the step below who reached this one"),
}

"""The vocabulary: every column that a table may show, what it means and what kind of thing it is.

One word has one meaning everywhere. Number formats, alignment and the data dictionary in the docs
come from here, and a test asks that every column of every table is listed.

Kinds
    text     labels and ids, shown as they are
    date     a calendar day
    count    whole numbers of things
    days     a span of time in days
    money    amounts in the file's currency, exact (Decimal, or minor units inside)
    share    a part of a whole between 0 and 1, shown as a percentage
    ratio    a number without a unit
    times    how many times as large, with two decimals
    score    a small ordinal such as an R, F or M score
    flag     true or false
"""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """What a column means and its kind."""

    kind: str
    meaning: str


# One row per transaction, after the door.
TRANSACTIONS = {
    "customer": Column("text", "the customer's id, as text"),
    "date": Column("date", "the day of the transaction"),
    "amount": Column("money", "what the row adds to revenue; negative for a refund"),
    "order": Column("text", "the order that the row belongs to"),
    "product": Column("text", "the product sold"),
    "quantity": Column("ratio", "units sold"),
    "cost": Column("money", "what the goods of the row cost us"),
    "channel": Column("text", "where the sale was made"),
    "group": Column("text", "the campaign group of the customer, such as test or control"),
}

# One row per customer: the narrow waist.
CUSTOMERS = {
    "first": Column("date", "day of the first order"),
    "last": Column("date", "day of the last order"),
    "orders": Column("count", "orders with a positive amount, ever"),
    "days": Column("count", "distinct days with an order"),
    "rows": Column("count", "rows with a positive amount"),
    "revenue": Column("money", "all amounts added up, refunds deducted"),
    "refunds": Column("money", "refunded amounts, as a positive number"),
    "first_revenue": Column("money", "revenue of the day of the first order, refunds deducted"),
    "profit": Column("money", "revenue less cost"),
    "recency": Column("days", "days from the last order to the as-of date"),
    "x": Column("count", "repeat purchases: days with an order after the first such day"),
    "t_x": Column("days", "time from the first to the last order"),
    "T": Column("days", "time from the first order to the as-of date"),
}

SHARED = {
    "customers": Column("count", "number of customers"),
    "share": Column("share", "part of all customers, or of the table's total where it lists customers"),
    "customers_share": Column("share", "part of all customers"),
    "revenue_share": Column(
        "share", "part of all revenue; in Pareto tables, of the revenue of those above zero"
    ),
    "cumulative_share": Column("share", "part of the total reached with this row and those above it"),
    "tier": Column("text", "value tier"),
    "segment": Column("text", "RFM segment"),
    "period": Column("text", "calendar period, or its number where a calculation counts from 0"),
    "rank": Column("count", "place, 1 for the largest; equal values share a place"),
}

# Customers who move between stores. Those that a formula expects need not be whole.
ACCUMULATION = {
    "store": Column("text", "the store, or what else customers choose between"),
    "a_customers": Column("count", "customers of the first store"),
    "b_customers": Column("count", "customers of the second store"),
    "a_share": Column("share", "part of both stores' customers that the first has"),
    "b_share": Column("share", "part of both stores' customers that the second has"),
    "a_profit": Column("money", "profit of the first store"),
    "b_profit": Column("money", "profit of the second store"),
    "difference": Column(
        "count", "customers of the second less those of the first: b less a, what-if less as it is"
    ),
    "relative_size": Column("times", "customers of the second store for each customer of the first"),
    "profit_difference": Column(
        "money", "profit of the second less that of the first: b less a, what-if less as it is"
    ),
    "gap": Column("count", "customers that the store has fewer than the largest store"),
    "cumulative_profit": Column("money", "profit of this period and all before it"),
    "present_profit": Column("money", "profit of this period and all before it, in money of period 0"),
    "p10": Column("count", "customers that a tenth of the simulated runs do not exceed"),
    "p50": Column("count", "customers that half of the simulated runs do not exceed"),
    "p90": Column("count", "customers that nine tenths of the simulated runs do not exceed"),
    "leads": Column("share", "part of the simulated runs that end with this store as the largest"),
    "start": Column("count", "customers at the start"),
    "won": Column("count", "customers who came from a rival"),
    "lost": Column("count", "customers who went to a rival"),
    "joined": Column("count", "customers who came from elsewhere"),
    "left": Column("count", "customers who went elsewhere"),
    "steady_share": Column("share", "part of all customers in the long run, if the rates stay as they are"),
    "retention_point": Column(
        "money", "present profit gained by losing one point less of the customers per period"
    ),
    "what_if_customers": Column("count", "customers in the world of the changed rates"),
    "what_if_profit": Column("money", "cumulative profit in the world of the changed rates"),
    "cac_ratio": Column("count", "how many times as much it costs to win a customer as to keep one"),
    "at_stake": Column(
        "money", "profit missed when one customer moves away: the most that winning one may cost"
    ),
    "keep_budget": Column("money", "what keeping one customer may cost: the profit at stake over the ratio"),
    "saved": Column("money", "profit left when a customer is kept for that, and not won anew"),
    "break_even_lift": Column("share", "part of the customers treated who must stay only because of it"),
    "point_budget": Column(
        "money", "what may be spent on each customer for each point by which it raises retention"
    ),
    "source": Column("text", "the store that customers were with in the period before"),
    "target": Column("text", "the store that they are with now"),
    "moves": Column("count", "moves of customers, all periods together"),
    "per_period": Column("ratio", "mean number per period"),
    "share_low": Column("share", "lower end of the 95% interval of the share"),
    "share_high": Column("share", "upper end of the 95% interval of the share"),
    "retained": Column("count", "customers of the period before who are here again"),
    "retention": Column("share", "part of the customers who stay from one period to the next"),
    "churn": Column("share", "part of the customers who do not stay from one period to the next"),
    "new": Column("count", "customers who buy for the first time"),
}

# What a customer is worth on assumptions.
VALUE = {
    "method": Column(
        "text",
        "how the value is reckoned; of an effect: plain, adjusted by what was known before, winsorised",
    ),
    "years": Column("ratio", "years that are counted, or that have passed; empty for ever"),
    "discount": Column("share", "what money loses in worth per year"),
    "growth": Column("share", "growth of the margin per year"),
    "value": Column(
        "money", "what a customer is worth on these assumptions; of a cohort, what --value asks for"
    ),
    "net_value": Column("money", "value less the cost of acquiring the customer"),
    "overstated": Column("times", "how many times as large the simple value is"),
    "payback_years": Column("ratio", "years until the value has reached the cost of acquiring the customer"),
    "current": Column("share", "in the row of the retention asked for: the discount asked for"),
    "purchases": Column("count", "purchases in the schedule"),
    "basket": Column("money", "amount of the first purchase"),
    "total": Column("money", "all amounts added up"),
    "discounted_total": Column("money", "all amounts added up in today's money"),
    "discounted_rank": Column("count", "place by the discounted total"),
    "rival": Column("text", "the customer who is overtaken"),
    "purchase": Column("count", "number of the customer's purchase, counted from 1"),
    "age": Column("ratio", "age of the customer at the purchase"),
    "cumulative": Column("money", "amounts up to and with this purchase"),
    "rival_cumulative": Column("money", "amounts of the rival up to then"),
    "flip_discount": Column("share", "discount rate per year at which the rival is worth as much"),
    "present": Column("money", "amount in today's money"),
}

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

# What customers will do: forecasts, their intervals, and the models behind them.
CLV = {
    "alive": Column("share", "chance that the customer is still one, having not left for good"),
    "expected_purchases": Column("count", "purchases to be expected in the horizon"),
    "purchases_low": Column("count", "lower end of the interval of the purchases"),
    "purchases_high": Column("count", "upper end of the interval of the purchases"),
    "expected_spend": Column("money", "amount to be expected of a purchase"),
    "clv": Column("money", "value to be expected in the horizon, in today's money: margin on the purchases"),
    "clv_low": Column("money", "lower end of the interval of the value"),
    "clv_high": Column("money", "upper end of the interval of the value"),
    "p_purchase": Column("share", "chance of at least one purchase in the horizon"),
    "expected_active": Column("count", "customers to be expected among those who are still customers"),
    "active_low": Column("count", "lower end of the interval of the active customers"),
    "active_high": Column("count", "upper end of the interval of the active customers"),
    "expected_revenue": Column("money", "revenue to be expected in the horizon, not discounted"),
    "revenue_low": Column("money", "lower end of the interval of the revenue"),
    "revenue_high": Column("money", "upper end of the interval of the revenue"),
    "residual_clv": Column("money", "value to be expected without a horizon, in today's money"),
    "residual_low": Column("money", "lower end of the interval of the residual value"),
    "residual_high": Column("money", "upper end of the interval of the residual value"),
    "first_value": Column("money", "margin on the first purchase of a customer, on average"),
    "cac": Column("money", "cost of winning a customer"),
    "net_clv": Column("money", "value less the cost of winning the customer"),
    "clv_to_cac": Column("times", "value as a multiple of the cost of winning the customer"),
    "payback_days": Column("days", "days until the value has reached the cost of winning the customer"),
    "model": Column("text", "the model of purchases, or the rule of thumb"),
    "k": Column("count", "how regular purchases are: stages of a gap between two, 1 for none"),
    "log_likelihood": Column("ratio", "logarithm of the likelihood, in the unit of time of the model"),
    "aic": Column("ratio", "Akaike's criterion, the lower the better"),
    "bic": Column("ratio", "Bayesian (Schwarz's) criterion, the lower the better"),
    "holdout_score": Column("ratio", "mean log-probability of each customer's purchases in a part held back"),
    "chosen": Column("flag", "whether the forecasts are this model's"),
    "estimates": Column("text", "the parameters, in the unit of time of the model"),
    "from": Column("date", "first day of the four weeks"),
    "to": Column("date", "last day of the four weeks"),
    "repeat_purchases": Column("count", "purchases after each customer's first, in these days"),
    "expected_even": Column("count", "those to be expected were all days alike"),
    "pace": Column("times", "how many average days a day of these counts as"),
    "pace_low": Column("times", "lower end of its interval of 80 %"),
    "pace_high": Column("times", "upper end of its interval of 80 %"),
    "ahead": Column("flag", "whether these days are still to come"),
    "parameter": Column("text", "the name of the parameter"),
    "estimate": Column("ratio", "the parameter's value of maximum likelihood"),
    "standard_error": Column("ratio", "standard error of the parameter; empty where the data do not tell it"),
}

# Forecasts of the past, and what happened.
BACKTEST = {
    "origin": Column("date", "the day from which a forecast looks ahead"),
    "end": Column("date", "the last day of the test"),
    "actual_purchases": Column("count", "purchases that happened in the time of the forecast"),
    "bias": Column("share", "expected orders over actual orders, less one"),
    "mae": Column("ratio", "mean absolute error of each customer's orders"),
    "rmse": Column("ratio", "root of the mean squared error of each customer's orders"),
    "log_score": Column("ratio", "mean log-probability of each customer's orders, the higher the better"),
    "brier": Column("ratio", "mean squared error of the chance of a purchase, the lower the better"),
    "top_decile": Column("share", "part of the revenue that the tenth forecast to bring most brought"),
    "spearman": Column("ratio", "rank correlation of expected and actual revenue of customers"),
    "gini": Column(
        "ratio", "part of the concentration of revenue that the forecast's order finds: one is all"
    ),
    "totals_held": Column("count", "tests whose total lay in its interval"),
    "tests": Column("count", "days from which was forecast"),
    "interval_coverage": Column("share", "part of the customers whose orders lay in their interval"),
    "interval_mass": Column("share", "part of the customers whose orders should lie in their interval"),
    "actual_revenue": Column("money", "revenue in the time of the forecast"),
    "revenue_error": Column("share", "expected revenue over actual revenue, less one"),
    "revenue_mae": Column("ratio", "mean absolute error of each customer's revenue"),
    "best": Column("flag", "whether the model has the highest log score"),
    "bin": Column("text", "customers by their chance of a purchase"),
    "bought": Column("share", "part of the customers with a purchase in the time of the forecast"),
    "week": Column("count", "number of the week after the origin"),
    "cumulative_expected": Column("count", "expected orders from the origin to the end of the week"),
    "cumulative_actual": Column("count", "actual orders from the origin to the end of the week"),
}

# Campaigns as experiments.
CAMPAIGNS = {
    "planned_share": Column("share", "part of all customers that the arm was to get"),
    "control_mean": Column("ratio", "mean of the control"),
    "mean": Column("ratio", "mean of the arm"),
    "smd": Column("ratio", "difference from the control in standard deviations"),
    "unlike": Column("flag", "whether that is more than a tenth of a standard deviation"),
    "metric": Column(
        "text",
        "what is compared, per assigned customer: bought (1 or 0), orders, revenue, profit; order_value: per order",
    ),
    "effect": Column("ratio", "the arm's mean less that of the control"),
    "effect_low": Column("ratio", "lower end of the interval of the effect"),
    "effect_high": Column("ratio", "upper end of the interval of the effect"),
    "relative": Column("share", "the effect as a part of the control's mean"),
    "relative_low": Column("share", "lower end of its interval"),
    "relative_high": Column("share", "upper end of its interval"),
    "statistic": Column(
        "ratio", "the effect in standard errors: Welch's t, or z of the score test of shares"
    ),
    "df": Column("ratio", "degrees of freedom of Welch's t"),
    "p": Column("ratio", "chance of an effect at least as large where there is none"),
    "p_holm": Column("ratio", "p for all segments together, by Holm"),
    "p_bh": Column(
        "ratio", "false discovery rate at which this is called an effect, by Benjamini and Hochberg"
    ),
    "shrunk": Column("ratio", "the effect to be expected next time: drawn towards the common one"),
    "change_share": Column("share", "change of revenue from the period before, as a part of that"),
    "buyers_before": Column("count", "customers with revenue in the period before"),
    "their_revenue_before": Column("money", "what these brought in the period before"),
    "their_revenue": Column("money", "what these brought in this period"),
    "their_change": Column("share", "change from the one to the other"),
    "weeks": Column("ratio", "length of the campaign in weeks"),
    "sd": Column(
        "ratio",
        "standard deviation among customers: of what they did, or of what is left of it after the adjustment",
    ),
    "power": Column("share", "chance that the effect is seen: that its interval leaves out zero"),
    "detectable": Column("ratio", "the smallest effect that is seen with a chance of 80%"),
    "detectable_relative": Column("share", "the same as a part of the mean"),
    "customers_needed": Column("count", "customers of all arms together for a chance of 80%"),
    "control_needed": Column("count", "those of them who are left out"),
    "valid_low": Column("ratio", "lower end of an interval that holds on all days at once"),
    "valid_high": Column("ratio", "upper end of it"),
    "tenth": Column("count", "tenth of the customers by score, 1 for the highest"),
    "score_low": Column("ratio", "lowest score of them"),
    "score_high": Column("ratio", "highest score of them"),
    "gain": Column("money", "incremental revenue of this tenth and those above it"),
    "control_customers": Column("count", "customers of the control"),
    "in_file": Column("count", "those of them who are in the file"),
    "buyers": Column("count", "those of them who bought"),
    "incremental_revenue": Column("money", "revenue that would not have been there without the campaign"),
    "costs": Column("money", "what the campaign cost"),
    "profit_low": Column("money", "lower end of the interval of the profit"),
    "profit_high": Column("money", "upper end of the interval of the profit"),
    "roi": Column("ratio", "profit as a multiple of the costs: 0 is break-even"),
    "roi_low": Column("ratio", "lower end of its interval"),
    "roi_high": Column("ratio", "upper end of its interval"),
    "break_even_cost": Column("ratio", "the most that writing to one customer may cost"),
    "needed_effect": Column(
        "ratio", "the effect on revenue per customer that would have paid for the campaign"
    ),
    "needed_relative": Column("share", "the same as a part of the control's revenue per customer"),
    "pre_revenue": Column("money", "revenue in the time before the campaign that customers are compared by"),
    "orders_before": Column("count", "orders before the campaign"),
}

# Baskets, and who is who.
TOGETHER = {
    "other": Column("text", "the product that it is bought with"),
    "support": Column("share", "part of all orders, or customers, that hold all products of the row"),
    "confidence": Column("share", "part of the orders with the product that hold the other, too"),
    "confidence_back": Column("share", "part of the orders with the other that hold the product, too"),
    "lift": Column(
        "times", "orders together over what they were if each order were as likely to hold a product"
    ),
    "expected": Column(
        "count", "orders together that chance would give, by the sizes of orders and how popular products are"
    ),
    "affinity": Column("times", "orders together over the expected ones; 1 is chance"),
    "account": Column("text", "most valuable, most growable, maintain or below zero"),
    "year_value": Column("money", "what the customer brought in the last 365 days, less what serving cost"),
    "potential": Column("money", "what the best tenth of the customer's peers brings"),
    "shortfall": Column("money", "what is missing to the potential"),
    "peers": Column("count", "customers that are compared with, the customer included"),
    "aspect": Column("text", "what accounts are judged by"),
    "weight": Column("share", "part of the score that the aspect gives at most"),
    "better": Column("text", "whether more or less of it is better"),
    "score": Column("ratio", "0 to 100: the weighted percent ranks of all aspects"),
    "coverage": Column("share", "part of the weight whose aspects are known of the customer"),
    "sold": Column("count", "rows above zero"),
    "returned": Column("count", "rows below zero"),
    "return_rate": Column("share", "rows returned over rows sold"),
    "rate_low": Column("share", "lower end of the interval of the rate, 95%"),
    "rate_high": Column("share", "upper end of the interval of the rate, 95%"),
    "refund_share": Column("share", "money that went back, of what was paid"),
    "days_to_return": Column("days", "median of the days from the latest purchase to the return"),
    "unusual": Column("flag", "whether that much is returned more often than elsewhere, beyond chance"),
    "usual": Column("money", "mean revenue of the up to twelve complete periods before the last three"),
    "recent_mean": Column("money", "mean revenue of the last three complete periods"),
    "weak_periods": Column("count", "how many of those three are weak"),
    "verdict": Column("text", "three weak periods, gone, or new"),
    "given": Column("text", "the products of the rule's first half"),
    "then": Column("text", "the product that follows from them"),
    "improvement": Column("share", "confidence less that of the best rule with one product fewer"),
    "held": Column("text", "how many products, or categories, a customer holds"),
    "customers_by_chance": Column(
        "count",
        "customers that chance would put there, by numbers of orders and how popular products are",
    ),
    "stayed": Column("share", "part of the customers who bought after the day"),
    "customers_back": Column("count", "customers who began with the other product"),
    "direction": Column(
        "share", "part of the customers with both, one after the other, who began with the product"
    ),
    "days_between": Column("days", "median of the days from the first of the one to the first of the other"),
    "kind": Column("text", "new: not bought before; again: due"),
    "because": Column("text", "why it is offered"),
    "recall": Column("share", "new products among those offered, of as many as could have been"),
    "ndcg": Column("ratio", "the same with earlier places counting more: 1 if all first places were right"),
    "business": Column("text", "the whole of the file"),
    "categories": Column("count", "categories, or products, that somebody bought"),
    "gini": Column(
        "ratio", "Gini coefficient of the customers' revenue: 0 if all are equal, near 1 if a few have it all"
    ),
    "half_share": Column("share", "part of the customers that brings half of the revenue"),
    "most_share": Column("share", "part of the customers that brings 80% of the revenue"),
    "needs": Column(
        "share",
        "how much a customer tells about the category that is bought, beyond chance, of what there is to tell",
    ),
    "information": Column("share", "the same with what chance seems to tell"),
    "information_by_chance": Column("share", "what chance seems to tell about the category"),
    "strategy": Column("text", "what the two differences call for"),
    "more": Column("text", "what the group has more of, the largest differences first"),
    "less": Column("text", "what the group has less of, the largest differences first"),
    "trait": Column("text", "what is compared, such as the channel"),
    "level": Column("text", "the value of the trait that customers were seen with"),
    "share_low": Column("share", "lower end of the interval of the share, 95%"),
    "share_high": Column("share", "upper end of the interval of the share, 95%"),
    "share_elsewhere": Column("share", "the share among all other customers"),
    "index": Column("ratio", "100 times the share in the group over that of all customers"),
    "log_odds": Column("ratio", "logarithm of the odds in the group over those of the others"),
    "auc": Column(
        "ratio",
        "chance that a customer of the group has more than one of the others, ties half; 0.5 is no difference",
    ),
    "measure": Column("text", "the number that is compared"),
    "median": Column("ratio", "median of the group"),
    "median_elsewhere": Column("ratio", "median of all other customers"),
    "v_test": Column("ratio", "distance of the group's mean from that of all, in standard errors"),
    "by_definition": Column("flag", "whether the group is made of this number, so that it is no finding"),
    "p": Column(
        "ratio",
        "chance of a result so far from what is expected, or farther, if nothing but chance were at work",
    ),
    "q": Column("ratio", "the least false discovery rate at which the row is a finding"),
}

COLUMNS: dict[str, Column] = {
    **TRANSACTIONS,
    **CUSTOMERS,
    **SHARED,
    **CHECK,
    **ACCUMULATION,
    **VALUE,
    **PARETO,
    **RFM,
    **CHURN,
    **TREND,
    **DEVIATION,
    **OVER_TIME,
    **CLV,
    **BACKTEST,
    **CAMPAIGNS,
    **TOGETHER,
}


def kind(name: str) -> str:
    """The kind of a column, `text` for one that this module does not know (a user's own column)."""
    return COLUMNS[name].kind if name in COLUMNS else "text"

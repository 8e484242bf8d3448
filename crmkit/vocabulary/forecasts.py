"""Columns of forecasts, and of questions about assumptions."""

from __future__ import annotations

from crmkit.vocabulary.column import Column

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

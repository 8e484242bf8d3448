"""Columns of campaigns."""

from __future__ import annotations

from crmkit.vocabulary.column import Column

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

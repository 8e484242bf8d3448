"""Columns of products, groups and accounts."""

from __future__ import annotations

from crmkit.vocabulary.column import Column

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
    "market_share": Column("share", "part of all purchases; a purchase is a product in an order"),
    "penetration": Column("share", "part of all customers who bought the product"),
    "penetration_norm": Column("share", "the same by the NBD-Dirichlet of the market"),
    "per_buyer": Column("ratio", "purchases of the product for each of its buyers"),
    "per_buyer_norm": Column("ratio", "the same by the NBD-Dirichlet of the market"),
    "sole_buyers": Column("share", "part of the product's buyers who bought nothing else"),
    "sole_buyers_norm": Column("share", "the same by the NBD-Dirichlet of the market"),
    "duplication": Column(
        "share", "part of another product's buyers who bought this one, too: mean over all others"
    ),
    "duplication_norm": Column("share", "the same by the NBD-Dirichlet of the market"),
    "duplication_coefficient": Column(
        "ratio", "duplication over penetration; by the law of duplication alike for all products of a market"
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

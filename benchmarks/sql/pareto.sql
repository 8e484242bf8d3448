-- Customers, rank and cumulative share, tiers at 80 and 95 %, the per-customer export and the summary.
CREATE TEMP TABLE customers AS
SELECT
    customer_id AS customer,
    count(last) AS orders,
    sum(cents)::BIGINT AS cents
FROM (
    SELECT
        customer_id,
        order_id,
        max(order_date) FILTER (amount > 0) AS last,
        sum(round(amount * 100)::BIGINT) AS cents
    FROM $input
    GROUP BY customer_id, order_id
)
GROUP BY customer_id;

SET VARIABLE total = (SELECT sum(cents) FROM customers WHERE cents > 0 AND customer IS NOT NULL);

CREATE TEMP TABLE placed AS
SELECT
    customer,
    orders,
    cents,
    rank() OVER largest AS rank,
    sum(cents) OVER largest AS reached
FROM customers
WHERE customer IS NOT NULL
WINDOW largest AS (ORDER BY cents DESC);

-- The customer who crosses a cut belongs to the upper tier, with all who have the same value.
SET VARIABLE floor_a = (SELECT max(cents) FROM placed WHERE reached * 100 >= getvariable('total')::HUGEINT * 80);
SET VARIABLE floor_b = (SELECT max(cents) FROM placed WHERE reached * 100 >= getvariable('total')::HUGEINT * 95);

CREATE TEMP TABLE tiered AS
SELECT
    *,
    CASE
        WHEN cents < 0 THEN 'below zero'
        WHEN cents >= getvariable('floor_a') THEN 'A'
        WHEN cents >= getvariable('floor_b') THEN 'B'
        ELSE 'C'
    END AS tier
FROM placed;

COPY (
    SELECT
        customer,
        (cents * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS revenue,
        cents::DOUBLE / getvariable('total')::DOUBLE AS share,
        reached::DOUBLE / getvariable('total')::DOUBLE AS cumulative_share,
        rank,
        tier
    FROM tiered
    ORDER BY cents DESC, customer
) TO '$output';

SELECT
    tier,
    count(*) AS customers,
    count(*) / sum(count(*)) OVER () AS customers_share,
    sum(cents) / 100 AS revenue,
    sum(cents) / getvariable('total') AS revenue_share,
    sum(orders) AS orders,
    avg(cents) / 100 AS mean_revenue,
    min(cents) / 100 AS lowest_revenue
FROM tiered
GROUP BY tier
ORDER BY tier;

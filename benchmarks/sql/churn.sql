-- Customers who are late by their own rhythm, what each has at stake, and the tier and segment beside.
.read segments.sql

CREATE TEMP TABLE days AS
SELECT
    customer_id AS customer,
    order_date::DATE AS day,
    count(*) FILTER (amount > 0) > 0 AS bought,
    sum(round(amount * 100)::BIGINT)::BIGINT AS cents
FROM $input
WHERE customer_id IS NOT NULL
GROUP BY ALL;

SET VARIABLE as_of = (SELECT max(day) FROM days);

-- Two columns of Parquet once more cost less than orders and days found together.
CREATE TEMP TABLE orders AS
SELECT customer, count(*) AS orders
FROM (SELECT DISTINCT customer_id AS customer, order_id FROM $input WHERE customer_id IS NOT NULL AND amount > 0)
GROUP BY customer;

CREATE TEMP TABLE gaps AS
SELECT customer, day - lag(day) OVER (PARTITION BY customer ORDER BY day) AS gap
FROM days
WHERE bought;

-- The shortest gap that 90 % of all gaps do not exceed.
SET VARIABLE base = (
    SELECT min(gap)
    FROM (
        SELECT gap, sum(count(*)) OVER (ORDER BY gap) AS reached, sum(count(*)) OVER () AS total
        FROM gaps
        WHERE gap IS NOT NULL
        GROUP BY gap
    )
    WHERE reached * 10 >= total * 9
);

CREATE TEMP TABLE rhythms AS
SELECT customer, median(gap) AS median_gap
FROM gaps
GROUP BY customer
HAVING count(*) >= 3;

CREATE TEMP TABLE customers AS
SELECT
    customer,
    max(day) FILTER (bought) AS last,
    sum(cents)::BIGINT AS cents,
    coalesce(sum(cents) FILTER (day > getvariable('as_of') - 365), 0)::BIGINT AS at_risk
FROM days
GROUP BY customer;

CREATE TEMP TABLE placed AS
SELECT customer, cents, sum(cents) OVER (ORDER BY cents DESC) AS reached
FROM customers;

SET VARIABLE total = (SELECT sum(cents) FROM customers WHERE cents > 0);
-- The customer who crosses a cut belongs to the upper tier, with all who have the same value.
SET VARIABLE floor_a = (SELECT max(cents) FROM placed WHERE reached * 100 >= getvariable('total')::HUGEINT * 80);
SET VARIABLE floor_b = (SELECT max(cents) FROM placed WHERE reached * 100 >= getvariable('total')::HUGEINT * 95);

CREATE TEMP TABLE scored AS
WITH buyers AS (
    SELECT *, getvariable('as_of') - last AS days_since
    FROM customers
    JOIN orders USING (customer)
    LEFT JOIN rhythms USING (customer)
),
ranked AS (
    SELECT
        *,
        count(*) OVER () AS n,
        rank() OVER (ORDER BY days_since) AS by_recency,
        rank() OVER (ORDER BY orders) AS by_orders
    FROM buyers
)
SELECT
    * EXCLUDE (n, by_recency, by_orders),
    coalesce(median_gap * 2, getvariable('base'))::DOUBLE AS threshold,
    6 - (by_recency * 5 + n - 1) // n AS r,
    (by_orders * 5 + n - 1) // n AS f
FROM ranked;

COPY (
    SELECT
        customer,
        CASE WHEN days_since < 365 THEN 'overdue' ELSE 'lapsed' END AS status,
        last,
        orders,
        median_gap,
        days_since,
        threshold,
        days_since / median_gap AS overdue_ratio,
        (at_risk * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS revenue_at_risk,
        CASE
            WHEN cents < 0 THEN 'below zero'
            WHEN cents >= getvariable('floor_a') THEN 'A'
            WHEN cents >= getvariable('floor_b') THEN 'B'
            ELSE 'C'
        END AS tier,
        segment(r, f) AS segment
    FROM scored
    WHERE days_since > threshold
    ORDER BY at_risk DESC, customer
) TO '$output';

SELECT
    CASE WHEN days_since <= threshold THEN 'active' WHEN days_since < 365 THEN 'overdue' ELSE 'lapsed' END AS status,
    count(*) AS customers,
    count(*) / sum(count(*)) OVER () AS share,
    sum(at_risk) / 100 AS year_revenue
FROM scored
GROUP BY status
ORDER BY status;

-- Customers, R, F and M by rank, segments, the per-customer export and the summary: one pass over the file.
.read segments.sql

CREATE TEMP TABLE customers AS
SELECT
    customer_id AS customer,
    count(last) AS orders,
    max(last) AS last,
    max(latest) AS latest,
    sum(cents)::BIGINT AS cents
FROM (
    SELECT
        customer_id,
        order_id,
        max(order_date) FILTER (amount > 0) AS last,
        max(order_date) AS latest,
        sum(round(amount * 100)::BIGINT) AS cents
    FROM $input
    GROUP BY customer_id, order_id
)
GROUP BY customer_id;

SET VARIABLE as_of = (SELECT max(latest)::DATE FROM customers WHERE customer IS NOT NULL);

CREATE TEMP TABLE scored AS
WITH buyers AS (
    SELECT *, getvariable('as_of') - last::DATE AS recency
    FROM customers
    WHERE customer IS NOT NULL AND last IS NOT NULL
),
ranked AS (
    SELECT
        *,
        count(*) OVER () AS n,
        rank() OVER (ORDER BY recency) AS by_recency,
        rank() OVER (ORDER BY orders) AS by_orders,
        rank() OVER (ORDER BY cents) AS by_cents
    FROM buyers
)
SELECT
    customer,
    last::DATE AS last,
    recency,
    orders,
    cents,
    6 - (by_recency * 5 + n - 1) // n AS r,
    (by_orders * 5 + n - 1) // n AS f,
    (by_cents * 5 + n - 1) // n AS m
FROM ranked
UNION ALL
SELECT customer, NULL, NULL, 0, cents, NULL, NULL, NULL
FROM customers
WHERE customer IS NOT NULL AND last IS NULL;

CREATE TEMP TABLE segmented AS
SELECT
    *,
    segment(r, f) AS segment
FROM scored;

COPY (
    SELECT
        customer,
        last,
        recency,
        orders AS frequency,
        (cents * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS monetary,
        r,
        f,
        m,
        r * 100 + f * 10 + m AS rfm,
        segment
    FROM segmented
    ORDER BY cents DESC, customer
) TO '$output';

SELECT
    segment,
    count(*) AS customers,
    count(*) / sum(count(*)) OVER () AS share,
    sum(cents) / 100 AS revenue,
    sum(cents) / sum(sum(cents)) OVER () AS revenue_share,
    avg(recency) AS mean_recency,
    avg(orders) AS mean_orders,
    sum(cents) / sum(orders) / 100 AS mean_order_value
FROM segmented
GROUP BY segment
ORDER BY revenue DESC;

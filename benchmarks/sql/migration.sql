-- Segments of all customers on two dates by the cut points of the first, and who moved.
SET VARIABLE begin = DATE '2024-06-30';

CREATE TEMP TABLE customers AS
SELECT
    customer_id AS customer,
    max(latest) AS latest,
    max(last_before)::DATE AS last_before,
    max(last)::DATE AS last,
    count(last_before) AS orders_before,
    count(last) AS orders,
    sum(cents_before)::BIGINT AS cents_before,
    sum(cents)::BIGINT AS cents
FROM (
    SELECT
        customer_id,
        order_id,
        max(order_date) AS latest,
        max(order_date) FILTER (amount > 0 AND order_date::DATE <= getvariable('begin')) AS last_before,
        max(order_date) FILTER (amount > 0) AS last,
        coalesce(sum(round(amount * 100)::BIGINT) FILTER (order_date::DATE <= getvariable('begin')), 0) AS cents_before,
        sum(round(amount * 100)::BIGINT) AS cents
    FROM $input
    GROUP BY customer_id, order_id
)
GROUP BY customer_id;

SET VARIABLE as_of = (SELECT max(latest)::DATE FROM customers WHERE customer IS NOT NULL);

-- A border is the largest value in the bins below it; a value is in the bin after the borders it exceeds.
CREATE TEMP TABLE borders AS
WITH ranked AS (
    SELECT
        getvariable('begin') - last_before AS recency,
        orders_before AS orders,
        count(*) OVER () AS n,
        rank() OVER (ORDER BY getvariable('begin') - last_before) AS by_recency,
        rank() OVER (ORDER BY orders_before) AS by_orders
    FROM customers
    WHERE customer IS NOT NULL AND last_before IS NOT NULL
),
binned AS (
    SELECT
        recency,
        orders,
        (by_recency * 5 + n - 1) // n AS r,
        (by_orders * 5 + n - 1) // n AS f
    FROM ranked
)
SELECT
    max(recency) FILTER (r <= 1) AS r1,
    max(recency) FILTER (r <= 2) AS r2,
    max(recency) FILTER (r <= 3) AS r3,
    max(recency) FILTER (r <= 4) AS r4,
    max(orders) FILTER (f <= 1) AS f1,
    max(orders) FILTER (f <= 2) AS f2,
    max(orders) FILTER (f <= 3) AS f3,
    max(orders) FILTER (f <= 4) AS f4
FROM binned;

-- The place of a segment on the map, the best first.
CREATE TEMP MACRO place(r, f) AS CASE
    WHEN r = 5 AND f >= 4 THEN 1
    WHEN r >= 3 AND f >= 4 THEN 2
    WHEN r >= 4 AND f >= 2 THEN 3
    WHEN r = 5 THEN 4
    WHEN r = 4 THEN 5
    WHEN r = 3 AND f = 3 THEN 6
    WHEN r = 3 THEN 7
    WHEN f IN (3, 4) THEN 8
    WHEN f = 5 THEN 9
    ELSE 10
END;
CREATE TEMP MACRO segment(place) AS [
    'Champions', 'Loyal', 'Potential Loyalist', 'New', 'Promising', 'Need Attention', 'About To Sleep', 'At Risk',
    'Can''t Lose', 'Hibernating'
][place];

CREATE TEMP TABLE moved AS
WITH scored AS (
    SELECT
        customer,
        cents_before,
        cents,
        last_before IS NOT NULL AS known,
        getvariable('begin') - last_before AS recency_before,
        getvariable('as_of') - last AS recency,
        5 - (recency_before > r1)::INT - (recency_before > r2)::INT - (recency_before > r3)::INT
            - (recency_before > r4)::INT AS r_before,
        1 + (orders_before > f1)::INT + (orders_before > f2)::INT + (orders_before > f3)::INT
            + (orders_before > f4)::INT AS f_before,
        5 - (recency > r1)::INT - (recency > r2)::INT - (recency > r3)::INT - (recency > r4)::INT AS r,
        1 + (orders > f1)::INT + (orders > f2)::INT + (orders > f3)::INT + (orders > f4)::INT AS f
    FROM customers, borders
    WHERE customer IS NOT NULL AND last IS NOT NULL
)
SELECT
    customer,
    CASE WHEN known THEN place(r_before, f_before) END AS was,
    place(r, f) AS now,
    CASE WHEN was IS NULL THEN 'entered' WHEN now < was THEN 'up' WHEN now > was THEN 'down' ELSE 'same' END AS move,
    cents_before,
    cents
FROM scored;

COPY (
    SELECT
        customer,
        coalesce(segment(was), 'entered') AS "from",
        segment(now) AS "to",
        move,
        (cents_before * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS revenue_before,
        (cents * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS revenue,
        ((cents - cents_before) * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS revenue_change
    FROM moved
    ORDER BY cents_before DESC, customer
) TO '$output';

SELECT
    move,
    count(*) AS customers,
    count(*) / sum(count(*)) OVER () AS share,
    sum(cents_before) / 100 AS revenue_before,
    sum(cents) / 100 AS revenue,
    sum(cents - cents_before) / 100 AS revenue_change
FROM moved
GROUP BY move
ORDER BY move;

SELECT coalesce(segment(was), 'entered') AS "from", segment(now) AS "to", count(*) AS customers
FROM moved
GROUP BY ALL
ORDER BY ALL;

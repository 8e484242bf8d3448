-- One row per customer with everything that later steps eat, of a file that is read once, as pays for text.
CREATE TEMP TABLE parts AS
SELECT
    customer_id AS customer,
    order_date::DATE AS day,
    order_id,
    count(*) FILTER (amount > 0) AS bought,
    sum(round(amount * 100)::BIGINT)::BIGINT AS cents,
    coalesce(sum(round(amount * 100)::BIGINT) FILTER (amount < 0), 0)::BIGINT AS refunds,
    sum(round(cost * 100)::BIGINT)::BIGINT AS cost
FROM $input
GROUP BY ALL;

SET VARIABLE as_of = (SELECT max(day) FROM parts WHERE customer IS NOT NULL);

CREATE TEMP TABLE days AS
SELECT
    customer,
    day,
    sum(bought) AS bought,
    sum(cents)::BIGINT AS cents,
    sum(refunds)::BIGINT AS refunds,
    sum(cost)::BIGINT AS cost
FROM parts
GROUP BY ALL;

CREATE TEMP TABLE orders AS
SELECT customer, count(DISTINCT order_id) AS orders
FROM parts
WHERE bought > 0
GROUP BY customer;

CREATE TEMP TABLE sums AS
SELECT
    customer,
    min(day) FILTER (bought > 0) AS first,
    max(day) FILTER (bought > 0) AS last,
    count(*) FILTER (bought > 0) AS days,
    sum(bought)::BIGINT AS rows,
    sum(cents) AS cents,
    -sum(refunds) AS refunds,
    coalesce(arg_min(cents, day) FILTER (bought > 0), 0) AS first_cents,
    sum(cents - cost) AS profit
FROM days
WHERE customer IS NOT NULL
GROUP BY customer;

COPY (
    SELECT
        customer,
        first,
        last,
        coalesce(orders, 0) AS orders,
        days,
        rows,
        (cents * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS revenue,
        (refunds * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS refunds,
        (first_cents * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS first_revenue,
        (profit * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS profit,
        getvariable('as_of') - last AS recency,
        CASE WHEN days > 0 THEN days - 1 END AS x,
        last - first AS t_x,
        getvariable('as_of') - first AS T
    FROM sums
    LEFT JOIN orders USING (customer)
    ORDER BY customer
) TO '$output';

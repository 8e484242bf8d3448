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
WHERE customer IS NOT NULL
GROUP BY ALL;

CREATE TEMP TABLE orders AS
SELECT customer, count(DISTINCT order_id) AS orders
FROM parts
WHERE bought > 0
GROUP BY customer;

.read customers_listed.sql

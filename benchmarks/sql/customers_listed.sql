-- What customers.sql and customers_once.sql make of `days`, `orders` and `as_of`.
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

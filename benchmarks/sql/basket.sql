-- How many orders hold both products of each pair, of products in 20 orders or more, and the classical measures of them.
CREATE TEMP TABLE held AS
SELECT DISTINCT order_id, product
FROM $input
WHERE amount > 0;

CREATE TEMP TABLE products AS
SELECT product, row_number() OVER (ORDER BY product) AS place, count(*) AS orders
FROM held
GROUP BY product
HAVING count(*) >= 20;

CREATE TEMP TABLE kept AS
SELECT order_id, place
FROM held
JOIN products USING (product);

CREATE TEMP TABLE pairs AS
SELECT a.place AS a, b.place AS b, count(*) AS orders
FROM kept AS a
JOIN kept AS b ON a.order_id = b.order_id AND a.place < b.place
GROUP BY a.place, b.place;

SET VARIABLE total = (SELECT count(DISTINCT order_id) FROM held);

SELECT one.product, other.product, pairs.orders, pairs.orders * getvariable('total') / (one.orders * other.orders) AS lift
FROM pairs
JOIN products AS one ON one.place = a
JOIN products AS other ON other.place = b
ORDER BY lift DESC, one.product, other.product
LIMIT 5;

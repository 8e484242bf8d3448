-- The segment of the scores R and F.
CREATE TEMP MACRO segment(r, f) AS CASE
    WHEN r IS NULL THEN 'refund only'
    WHEN r = 5 AND f >= 4 THEN 'Champions'
    WHEN r >= 3 AND f >= 4 THEN 'Loyal'
    WHEN r >= 4 AND f >= 2 THEN 'Potential Loyalist'
    WHEN r = 5 THEN 'New'
    WHEN r = 4 THEN 'Promising'
    WHEN r = 3 AND f = 3 THEN 'Need Attention'
    WHEN r = 3 THEN 'About To Sleep'
    WHEN f = 5 THEN 'Can''t Lose'
    WHEN f >= 3 THEN 'At Risk'
    ELSE 'Hibernating'
END;

SELECT order_date, COUNT(*) AS orders FROM orders GROUP BY order_date ORDER BY order_date

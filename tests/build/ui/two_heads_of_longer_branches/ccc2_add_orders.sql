-- Add orders
--
-- revision: ccc2
-- revises: aaa1

-- migrate:up
CREATE TABLE orders (id INTEGER PRIMARY KEY);

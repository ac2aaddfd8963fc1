-- Add orders
--
-- revision: ddd4
-- revises: eee5

-- migrate:up
CREATE TABLE orders (id INTEGER PRIMARY KEY);

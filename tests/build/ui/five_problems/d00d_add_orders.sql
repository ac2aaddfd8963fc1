-- Add orders
--
-- revision: d00d
-- revises: c0ffee123456

-- migrate:up no-transation
CREATE TABLE orders (id INTEGER);

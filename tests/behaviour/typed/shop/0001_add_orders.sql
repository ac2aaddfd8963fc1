-- Add orders
--
-- revision: 0001

-- migrate:up
CREATE TABLE orders (id INTEGER PRIMARY KEY);

-- migrate:down
DROP TABLE orders;

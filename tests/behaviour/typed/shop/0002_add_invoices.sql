-- Add invoices
--
-- revision: 0002
-- revises: 0001

-- migrate:up
CREATE TABLE invoices (id INTEGER PRIMARY KEY);

-- migrate:down
DROP TABLE invoices;

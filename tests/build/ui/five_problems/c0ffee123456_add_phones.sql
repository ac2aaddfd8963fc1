-- Add phones
--
-- revision: c0ffee123456
-- revises: 4444deadbeef

-- migrate:up
CREATE TABLE phones (id INTEGER PRIMARY KEY);

-- Add phones
--
-- revision: c0ffee123456
-- revises: 1f3a9c0d27be

-- migrate:up
CREATE TABLE phones (id INTEGER PRIMARY KEY);

-- Add emails
--
-- revision: 8be61d0cc541
-- revises: 1f3a9c0d27be

-- migrat:up
CREATE TABLE emails (id INTEGER PRIMARY KEY);

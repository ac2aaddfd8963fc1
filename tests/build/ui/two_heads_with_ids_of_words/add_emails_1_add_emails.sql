-- Add emails
--
-- revision: add_emails_1

-- migrate:up
CREATE TABLE emails (id INTEGER PRIMARY KEY);

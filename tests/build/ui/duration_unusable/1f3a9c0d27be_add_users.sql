-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up lock-timeout=5 statement-timeout=10sec
CREATE TABLE users (id INTEGER);

-- migrate:down lock-timeout=0s statement-timeout=1000h
DROP TABLE users;

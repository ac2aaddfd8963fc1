-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up postgresql, sqllite oracle
CREATE TABLE users (id INTEGER);

-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up no-transation lock-timout=5s foreign-keys=on fast
CREATE TABLE users (id INTEGER);

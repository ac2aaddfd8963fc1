-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up
BEGIN;
CREATE TABLE users (id INTEGER);
COMMIT;

-- migrate:down
START TRANSACTION;
DROP TABLE users;
ROLLBACK;

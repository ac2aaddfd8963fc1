-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up sqlite mysql
CREATE TABLE users (id INTEGER);

-- migrate:up postgres
DO $do$
BEGIN
  PERFORM 1;
END
$don$;

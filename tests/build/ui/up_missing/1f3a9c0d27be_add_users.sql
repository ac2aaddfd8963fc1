-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:down
DROP TABLE users;

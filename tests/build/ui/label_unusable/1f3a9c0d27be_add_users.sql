-- Add users
--
-- revision: 1f3a9c0d27be
-- labels: a@b, two words, -x, head, +1, fine

-- migrate:up
CREATE TABLE users (id INTEGER PRIMARY KEY);

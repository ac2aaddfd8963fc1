-- Index transactions by day and amount
--
-- Matching the two halves of a transfer looks for the opposite amount on the days around,
-- in all accounts. PostgreSQL builds the index without blocking those who write.
--
-- revision: 75fd8ae92867
-- revises: 851c0591aa40
-- created: 2026-04-27T19:13:08Z
-- compatible: yes

-- migrate:up
CREATE INDEX transactions_posted_on_amount_minor_idx ON transactions (posted_on, amount_minor);

-- migrate:up postgres no-transaction
CREATE INDEX CONCURRENTLY transactions_posted_on_amount_minor_idx ON transactions (posted_on, amount_minor);

-- migrate:down sqlite
DROP INDEX transactions_posted_on_amount_minor_idx;

-- migrate:down postgres no-transaction
DROP INDEX CONCURRENTLY transactions_posted_on_amount_minor_idx;

-- migrate:down mysql
DROP INDEX transactions_posted_on_amount_minor_idx ON transactions;

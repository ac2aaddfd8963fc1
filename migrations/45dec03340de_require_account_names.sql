-- Require a name and a proper currency code of every account
--
-- Accounts were laxer than transactions. An account without a name is called after its kind,
-- currency codes become upper case, and one that is not three letters fails the revision.
-- The down section relaxes the rules; names and codes stay as they are.
--
-- revision: 45dec03340de
-- revises: 6aa9615f54e4
-- created: 2026-09-08T10:27:15Z
-- compatible: no

-- migrate:up sqlite foreign-keys=off
CREATE TABLE accounts_new (
    id INTEGER NOT NULL CONSTRAINT accounts_pkey PRIMARY KEY,
    user_id INTEGER NOT NULL,
    institution_id INTEGER,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CONSTRAINT accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT accounts_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE SET NULL,
    CONSTRAINT accounts_kind_known CHECK (kind IN ('cash', 'checking', 'savings', 'credit_card', 'loan')),
    CONSTRAINT accounts_currency_code CHECK (currency GLOB '[A-Z][A-Z][A-Z]')
) STRICT;
INSERT INTO accounts_new (id, user_id, institution_id, name, kind, currency, created_at)
SELECT id, user_id, institution_id, coalesce(name, replace(kind, '_', ' ')), kind, upper(currency), created_at
FROM accounts;
DROP TABLE accounts;
ALTER TABLE accounts_new RENAME TO accounts;
CREATE INDEX accounts_user_id_idx ON accounts (user_id);
CREATE INDEX accounts_institution_id_idx ON accounts (institution_id);

-- migrate:up postgres lock-timeout=5s
UPDATE accounts
SET name = coalesce(name, replace(kind, '_', ' ')), currency = upper(currency)
WHERE name IS NULL OR currency <> upper(currency);
ALTER TABLE accounts
    ALTER COLUMN name SET NOT NULL,
    DROP CONSTRAINT accounts_currency_length,
    ADD CONSTRAINT accounts_currency_code CHECK (currency ~ '^[A-Z]{3}$');

-- migrate:up mysql
UPDATE accounts
SET name = coalesce(name, replace(kind, '_', ' ')), currency = upper(currency)
WHERE name IS NULL OR currency <> upper(currency);
ALTER TABLE accounts
    MODIFY COLUMN name VARCHAR(120) NOT NULL,
    DROP CONSTRAINT accounts_currency_length,
    ADD CONSTRAINT accounts_currency_code CHECK (currency REGEXP '^[A-Z]{3}$');

-- migrate:down sqlite foreign-keys=off
CREATE TABLE accounts_new (
    id INTEGER NOT NULL CONSTRAINT accounts_pkey PRIMARY KEY,
    user_id INTEGER NOT NULL,
    institution_id INTEGER,
    name TEXT,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CONSTRAINT accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT accounts_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE SET NULL,
    CONSTRAINT accounts_kind_known CHECK (kind IN ('cash', 'checking', 'savings', 'credit_card', 'loan')),
    CONSTRAINT accounts_currency_length CHECK (length(currency) = 3)
) STRICT;
INSERT INTO accounts_new (id, user_id, institution_id, name, kind, currency, created_at)
SELECT id, user_id, institution_id, name, kind, currency, created_at FROM accounts;
DROP TABLE accounts;
ALTER TABLE accounts_new RENAME TO accounts;
CREATE INDEX accounts_user_id_idx ON accounts (user_id);
CREATE INDEX accounts_institution_id_idx ON accounts (institution_id);

-- migrate:down postgres lock-timeout=5s
ALTER TABLE accounts
    ALTER COLUMN name DROP NOT NULL,
    DROP CONSTRAINT accounts_currency_code,
    ADD CONSTRAINT accounts_currency_length CHECK (length(currency) = 3);

-- migrate:down mysql
ALTER TABLE accounts
    MODIFY COLUMN name VARCHAR(120),
    DROP CONSTRAINT accounts_currency_code,
    ADD CONSTRAINT accounts_currency_length CHECK (length(currency) = 3);

-- Keep the balance of every account
--
-- Summing an account's transactions at every look became slow. Triggers keep one balance per account
-- and currency; they are in place before the balances of existing transactions are written, so that
-- nothing booked in between is lost.
--
-- revision: 0891a9178087
-- revises: 45dec03340de
-- created: 2026-10-19T13:44:02Z
-- compatible: yes

-- migrate:up sqlite
CREATE TABLE account_balances (
    account_id INTEGER NOT NULL,
    currency TEXT NOT NULL,
    balance_minor INTEGER NOT NULL,
    CONSTRAINT account_balances_pkey PRIMARY KEY (account_id, currency),
    CONSTRAINT account_balances_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TRIGGER transactions_balance_after_insert AFTER INSERT ON transactions
BEGIN
    INSERT INTO account_balances (account_id, currency, balance_minor)
    VALUES (new.account_id, new.currency, new.amount_minor)
    ON CONFLICT (account_id, currency) DO UPDATE SET balance_minor = balance_minor + excluded.balance_minor;
END;
CREATE TRIGGER transactions_balance_after_update AFTER UPDATE OF account_id, amount_minor, currency ON transactions
BEGIN
    UPDATE account_balances SET balance_minor = balance_minor - old.amount_minor
    WHERE account_id = old.account_id AND currency = old.currency;
    INSERT INTO account_balances (account_id, currency, balance_minor)
    VALUES (new.account_id, new.currency, new.amount_minor)
    ON CONFLICT (account_id, currency) DO UPDATE SET balance_minor = balance_minor + excluded.balance_minor;
END;
CREATE TRIGGER transactions_balance_after_delete AFTER DELETE ON transactions
BEGIN
    UPDATE account_balances SET balance_minor = balance_minor - old.amount_minor
    WHERE account_id = old.account_id AND currency = old.currency;
END;
INSERT INTO account_balances (account_id, currency, balance_minor)
SELECT account_id, currency, sum(amount_minor) FROM transactions GROUP BY account_id, currency;

-- migrate:up postgres
CREATE TABLE account_balances (
    account_id BIGINT NOT NULL,
    currency CHAR(3) NOT NULL,
    balance_minor BIGINT NOT NULL,
    CONSTRAINT account_balances_pkey PRIMARY KEY (account_id, currency),
    CONSTRAINT account_balances_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE FUNCTION transactions_keep_balance() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF tg_op <> 'INSERT' THEN
        UPDATE account_balances SET balance_minor = balance_minor - old.amount_minor
        WHERE account_id = old.account_id AND currency = old.currency;
    END IF;
    IF tg_op <> 'DELETE' THEN
        INSERT INTO account_balances AS balance (account_id, currency, balance_minor)
        VALUES (new.account_id, new.currency, new.amount_minor)
        ON CONFLICT (account_id, currency)
        DO UPDATE SET balance_minor = balance.balance_minor + excluded.balance_minor;
    END IF;
    RETURN NULL;
END;
$function$;
CREATE TRIGGER transactions_balance_after_change
AFTER INSERT OR DELETE OR UPDATE OF account_id, amount_minor, currency ON transactions
FOR EACH ROW EXECUTE FUNCTION transactions_keep_balance();
INSERT INTO account_balances (account_id, currency, balance_minor)
SELECT account_id, currency, sum(amount_minor) FROM transactions GROUP BY account_id, currency;

-- migrate:up mysql
CREATE TABLE account_balances (
    account_id BIGINT NOT NULL,
    currency CHAR(3) COLLATE utf8mb4_bin NOT NULL,
    balance_minor BIGINT NOT NULL,
    PRIMARY KEY (account_id, currency),
    CONSTRAINT account_balances_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) ENGINE = InnoDB, DEFAULT CHARACTER SET utf8mb4, COLLATE utf8mb4_unicode_ci;
DELIMITER $$
CREATE TRIGGER transactions_balance_after_insert AFTER INSERT ON transactions FOR EACH ROW
BEGIN
    INSERT INTO account_balances (account_id, currency, balance_minor)
    VALUES (NEW.account_id, NEW.currency, NEW.amount_minor)
    ON DUPLICATE KEY UPDATE balance_minor = balance_minor + NEW.amount_minor;
END$$
CREATE TRIGGER transactions_balance_after_update AFTER UPDATE ON transactions FOR EACH ROW
BEGIN
    IF NEW.account_id <> OLD.account_id OR NEW.currency <> OLD.currency OR NEW.amount_minor <> OLD.amount_minor THEN
        UPDATE account_balances SET balance_minor = balance_minor - OLD.amount_minor
        WHERE account_id = OLD.account_id AND currency = OLD.currency;
        INSERT INTO account_balances (account_id, currency, balance_minor)
        VALUES (NEW.account_id, NEW.currency, NEW.amount_minor)
        ON DUPLICATE KEY UPDATE balance_minor = balance_minor + NEW.amount_minor;
    END IF;
END$$
CREATE TRIGGER transactions_balance_after_delete AFTER DELETE ON transactions FOR EACH ROW
BEGIN
    UPDATE account_balances SET balance_minor = balance_minor - OLD.amount_minor
    WHERE account_id = OLD.account_id AND currency = OLD.currency;
END$$
DELIMITER ;
REPLACE INTO account_balances (account_id, currency, balance_minor)
SELECT account_id, currency, sum(amount_minor) FROM transactions GROUP BY account_id, currency;

-- migrate:down
DROP TRIGGER transactions_balance_after_insert;
DROP TRIGGER transactions_balance_after_update;
DROP TRIGGER transactions_balance_after_delete;
DROP TABLE account_balances;

-- migrate:down postgres
DROP TRIGGER transactions_balance_after_change ON transactions;
DROP FUNCTION transactions_keep_balance();
DROP TABLE account_balances;

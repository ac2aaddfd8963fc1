//! The sample history of the repository.

use embed_migrations::{EmbeddedRevision, embed_migrations};
use embed_migrations_tests::{behaviours, migrate};

embed_migrations!("../migrations", backends = [sqlite, postgres, mysql], require(down));
use migrations::MIGRATIONS;

behaviours! {
    fn the_schema_after_up_down_up_equals_the_one_after_the_first_up(db) {
        let mut connection = db.connect();
        migrate!(connection, MIGRATIONS, upgrade("head")).unwrap();
        let first = db.schema();
        assert!(first.contains("account_balances") && first.contains("full_name"), "{first}");
        migrate!(connection, MIGRATIONS, downgrade("base")).unwrap();
        assert_eq!(db.tables(), Vec::<String>::new());
        migrate!(connection, MIGRATIONS, upgrade("head")).unwrap();
        assert_eq!(db.schema(), first);
    }

    fn every_revision_undoes_itself(db) {
        let mut connection = db.connect();
        assert!(MIGRATIONS.revisions().len() >= 8);
        loop {
            let before = db.schema();
            if migrate!(connection, MIGRATIONS, pending()).unwrap().is_empty() {
                break;
            }
            migrate!(connection, MIGRATIONS, upgrade("+1")).unwrap();
            let after = db.schema();
            migrate!(connection, MIGRATIONS, downgrade("-1")).unwrap();
            assert_eq!(db.schema(), before);
            migrate!(connection, MIGRATIONS, upgrade("+1")).unwrap();
            assert_eq!(db.schema(), after);
        }
        assert_eq!(migrate!(connection, MIGRATIONS, current()).unwrap(), [migrations::KeepAccountBalances.id()]);
    }

    fn data_survives_the_rename_the_backfill_and_the_rebuild(db) {
        let mut connection = db.connect();
        migrate!(connection, MIGRATIONS, upgrade(migrations::AddTags)).unwrap();
        connection.run("INSERT INTO users (id, email, display_name) VALUES (1, 'ada@example.org', 'Ada')");
        connection.run("INSERT INTO institutions (id, name, country) VALUES (1, 'Bank', 'DE')");
        connection.run(
            "INSERT INTO accounts (id, user_id, institution_id, name, kind, currency) VALUES (1, 1, 1, 'Main', 'checking', 'EUR')",
        );
        connection.run(
            "INSERT INTO transactions (id, account_id, amount_minor, currency, posted_on, description) \
             VALUES (1, 1, -1250, 'EUR', '2026-02-03', 'netflix.com 866-579'), (2, 1, 300, 'EUR', '2026-02-04', 'unknown to us')",
        );
        migrate!(connection, MIGRATIONS, upgrade("head")).unwrap();
        assert_eq!(connection.value("SELECT full_name FROM users"), "Ada");
        assert_eq!(connection.count("transactions"), 2);
        assert_eq!(connection.value("SELECT count(*) FROM transactions WHERE merchant IS NOT NULL"), "1");
        migrate!(connection, MIGRATIONS, downgrade(migrations::AddTags)).unwrap();
        assert_eq!(connection.value("SELECT display_name FROM users"), "Ada");
        assert_eq!(connection.count("transactions"), 2);
    }
}

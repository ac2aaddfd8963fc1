//! Revisions by name, of the set that a verb is called on and of others.

use embed_migrations::{Backend, Error, ErrorKind, IntoTarget, Target, embed_migrations};
use embed_migrations_tests::{behaviours, migrate};

embed_migrations!("behaviour/typed/shop", module = shop);
embed_migrations!("behaviour/typed/stock", module = stock, namespace = "stock");
embed_migrations!(
    "behaviour/../behaviour/typed/shop",
    module = again,
    backends = [sqlite, mysql, postgres, mariadb]
);
embed_migrations!("behaviour/typed/stock", module = narrow, backends = [sqlite]);

fn assert_is_of_stock(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Plan);
    let text = error.to_string();
    let said = "revision '0001' is one of `behaviour::typed::stock`, and these migrations are `behaviour::typed::shop`";
    assert!(text.starts_with(said), "{text}");
    assert!(text.contains("\n\nhint: name a revision of these"), "{text}");
}

behaviours! {
    fn a_revision_of_another_set_is_no_target(db) {
        let mut connection = db.connect();
        migrate!(connection, shop::MIGRATIONS, upgrade("head")).unwrap();
        assert_is_of_stock(&migrate!(connection, shop::MIGRATIONS, downgrade(stock::AddShelves)).unwrap_err());
        assert_is_of_stock(&migrate!(connection, shop::MIGRATIONS, upgrade(stock::AddShelves)).unwrap_err());
        assert_is_of_stock(&migrate!(connection, shop::MIGRATIONS, stamp(stock::AddShelves)).unwrap_err());
        assert_is_of_stock(&migrate!(connection, shop::MIGRATIONS, plan(stock::AddShelves)).unwrap_err());
        assert_is_of_stock(&migrate!(connection, shop::MIGRATIONS, repair([stock::AddShelves])).unwrap_err());
        let kept = stock::AddShelves.into_target();
        assert_is_of_stock(&migrate!(connection, shop::MIGRATIONS, downgrade(kept.clone())).unwrap_err());
        let branch = Target::Branch { branch: "0002".into(), target: Box::new(kept) };
        assert_is_of_stock(&migrate!(connection, shop::MIGRATIONS, downgrade(branch)).unwrap_err());
        assert_eq!(migrate!(connection, shop::MIGRATIONS, current()).unwrap(), ["0002"]);
        assert_eq!(connection.count("invoices"), 0);
    }

    fn a_revision_of_a_set_with_the_same_files_is_a_target(db) {
        let mut connection = db.connect();
        migrate!(connection, shop::MIGRATIONS, upgrade(again::AddInvoices)).unwrap();
        let report = migrate!(connection, again::MIGRATIONS, downgrade(shop::AddOrders)).unwrap();
        assert_eq!(report.to, ["0001"]);
    }
}

#[test]
fn a_database_that_the_build_left_out_is_told_from_one_that_a_revision_lacks() {
    let error = narrow::MIGRATIONS.offline(Backend::Postgres).upgrade("head").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.starts_with("these migrations are not for postgres: the build left it out\n\nhint: "),
        "{text}"
    );
}

#[test]
fn a_script_is_not_made_to_a_revision_of_another_set() {
    let script = || shop::MIGRATIONS.offline(Backend::Sqlite);
    assert_is_of_stock(&script().upgrade(stock::AddShelves).unwrap_err());
    assert_is_of_stock(&script().stamp(stock::AddShelves).unwrap_err());
    assert!(script().upgrade(again::AddOrders).unwrap().contains("CREATE TABLE orders"));
}

//! Events of `tracing`.

use std::sync::{Arc, Mutex};

use embed_migrations::FleetTarget;
use embed_migrations_tests::database::{Database, Kind, assert_hides_passwords};
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps what it is told, as text: all that has a target that begins so.
#[derive(Clone)]
struct Collected {
    target: &'static str,
    told: Arc<Mutex<Vec<String>>>,
}

impl Collected {
    fn of(target: &'static str) -> Self {
        Self { target, told: Arc::default() }
    }

    fn text(&self) -> String {
        self.told.lock().unwrap().join("\n")
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Subscriber for Collected {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(self.target)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut text = Text(attributes.metadata().name().to_owned());
        attributes.record(&mut text);
        self.told.lock().unwrap().push(text.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.told.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn every_step_is_an_event_of_tracing() {
    let collected = Collected::of("migrate_runtime");
    let db = Database::new(Kind::Sqlite);
    let set = Revisions::tables(1).build();
    tracing::subscriber::with_default(collected.clone(), || {
        migrate!(db.connect(), set, upgrade("head")).unwrap();
    });
    let told = collected.text();
    for part in
        ["planned", "step started", "revision=\"r0001\"", "direction=up", "statement done", "step finished"]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

#[test]
fn the_steps_of_a_fleet_are_in_spans_that_name_the_targets() {
    let collected = Collected::of("migrate_runtime");
    let db = Database::new(Kind::Sqlite);
    let set = Revisions::tables(1).build();
    let target = |name: &str| {
        let file = db.directory.path().join(name);
        FleetTarget::new(format!("sqlite:{}", file.display())).named(name)
    };
    tracing::subscriber::with_default(collected.clone(), || {
        // One at a time is on this thread.
        let report = set.fleet(["a", "b"].map(target)).limit(1).upgrade_sqlite("head");
        assert!(report.is_success(), "{report}");
    });
    let told = collected.text();
    let places =
        ["fleet name=\"a\"", "step finished", "fleet name=\"b\""].map(|part| told.find(part).expect(part));
    assert!(places.is_sorted(), "{told}");
}

mod no_event_of_anything_shows_a_password {
    mod postgres {
        use super::super::*;

        #[test]
        fn mysql() {
            let collected = Collected::of("");
            let set = Revisions::tables(1).build();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            for kind in [Kind::Postgres, Kind::Mysql] {
                let db = Database::new(kind);
                tracing::subscriber::with_default(collected.clone(), || {
                    for parameters in ["sslmode=disable", "sslmode=require"] {
                        let url = format!("{}?{parameters}", db.url());
                        runtime.block_on(async { set.connect(&url).await?.upgrade("head").await }).unwrap();
                        let url = format!("{}?{parameters}", db.url_for("tester", "Geheim"));
                        runtime
                            .block_on(async { set.connect(&url).await?.upgrade("head").await })
                            .unwrap_err();
                    }
                });
            }
            let told = collected.text();
            assert!(told.contains("step finished"), "{told}");
            assert!(!told.contains("Geheim"), "{told}");
            assert_hides_passwords(&told);
        }
    }
}

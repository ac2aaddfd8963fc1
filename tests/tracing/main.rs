//! Events of `tracing`.

use std::sync::{Arc, Mutex};

use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps what it is told, as text.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Subscriber for Collected {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("migrate_runtime")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn every_step_is_an_event_of_tracing() {
    let collected = Collected::default();
    let db = Database::new(Kind::Sqlite);
    let set = Revisions::tables(1).build();
    tracing::subscriber::with_default(collected.clone(), || {
        migrate!(db.connect(), set, upgrade("head")).unwrap();
    });
    let told = collected.0.lock().unwrap().join("\n");
    for part in
        ["planned", "step started", "revision=\"r0001\"", "direction=up", "statement done", "step finished"]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

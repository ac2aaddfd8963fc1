//! The objects of a schema that a statement names: what an interrupted one can have changed.

use std::collections::HashSet;

use super::token::{TokenKind, View};
use crate::{Object, ObjectKind};

/// Objects of a DDL statement of MySQL or MariaDB, given without the frames of executable comments.
pub(super) fn of_mysql(view: View<'_>) -> Vec<Object> {
    let mut reader = Reader { view, at: 1, folds: false, objects: Vec::new() };
    match view.word(0).to_ascii_lowercase().as_str() {
        "create" | "drop" | "alter" => reader.definition(),
        "truncate" => {
            reader.skip_any(&["table"]);
            reader.list(ObjectKind::Table);
        }
        "rename" if view.is_any(1, &["table", "tables"]) => reader.renamed_tables(),
        "analyze" | "optimize" | "repair" | "check" => {
            reader.skip_any(&["local", "no_write_to_binlog"]);
            if reader.skip_any(&["table", "tables"]) {
                reader.list(ObjectKind::Table);
            }
        }
        _ => {}
    }
    if reader.objects.len() > 1 {
        let mut seen = HashSet::new();
        reader.objects.retain(|object| seen.insert(object.clone()));
    }
    reader.objects
}

/// Objects of a statement of PostgreSQL that makes or drops an index concurrently: the only one that can leave
/// something behind when it fails.
pub(super) fn of_postgres(view: View<'_>) -> Vec<Object> {
    let mut reader = Reader { view, at: 1, folds: true, objects: Vec::new() };
    let drops = view.is(0, "drop");
    if !drops && !view.is(0, "create") {
        return Vec::new();
    }
    reader.skip_any(&["unique"]);
    if !(reader.skip_any(&["index"]) && reader.skip_any(&["concurrently"])) {
        return Vec::new();
    }
    reader.skip_existence();
    if drops {
        reader.list(ObjectKind::Index);
        return reader.objects;
    }
    if !view.is(reader.at, "on") {
        reader.object(ObjectKind::Index);
    }
    if reader.skip_any(&["on"]) {
        reader.skip_any(&["only"]);
        reader.object(ObjectKind::Table);
    }
    reader.objects
}

struct Reader<'a> {
    view: View<'a>,
    at: usize,
    /// Whether bare names are in lower case
    folds: bool,
    objects: Vec<Object>,
}

impl Reader<'_> {
    fn skip_any(&mut self, words: &[&str]) -> bool {
        let found = self.view.is_any(self.at, words);
        self.at += usize::from(found);
        found
    }

    fn skip_existence(&mut self) {
        if self.view.are(self.at, &["if", "not", "exists"]) {
            self.at += 3;
        } else if self.view.are(self.at, &["if", "exists"]) {
            self.at += 2;
        }
    }

    /// `CREATE`, `DROP`, `ALTER`
    fn definition(&mut self) {
        self.skip_modifiers();
        let keyword = self.view.word(self.at).to_ascii_lowercase();
        self.at += 1;
        let kind = match keyword.as_str() {
            "table" | "tables" => ObjectKind::Table,
            "index" => ObjectKind::Index,
            "view" => ObjectKind::View,
            "trigger" => ObjectKind::Trigger,
            "procedure" | "function" => ObjectKind::Routine,
            "package" => {
                self.skip_any(&["body"]);
                ObjectKind::Routine
            }
            "event" => ObjectKind::Event,
            "sequence" => ObjectKind::Sequence,
            "database" | "schema" | "user" | "role" | "server" | "tablespace" => ObjectKind::Other,
            _ => return,
        };
        self.skip_existence();
        let options =
            ["character", "charset", "collate", "comment", "default", "encryption", "read", "upgrade"];
        if self.view.is(0, "alter") && kind == ObjectKind::Other && self.view.is_any(self.at, &options) {
            // Of the database that is in use
            return;
        }
        match (self.view.is(0, "drop"), kind) {
            (true, ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence) => self.list(kind),
            (_, ObjectKind::Index) => self.index(),
            _ => {
                self.object(kind);
                if self.view.is(0, "alter") {
                    self.altered(kind);
                }
            }
        }
    }

    fn skip_modifiers(&mut self) {
        let single = [
            "or",
            "replace",
            "temporary",
            "unique",
            "fulltext",
            "spatial",
            "vector",
            "aggregate",
            "online",
            "offline",
            "ignore",
            "undo",
        ];
        loop {
            if self.skip_any(&single) {
            } else if self.view.is(self.at, "algorithm") || self.view.are(self.at, &["sql", "security"]) {
                self.at += 3;
            } else if self.view.is(self.at, "definer") {
                self.at += 3;
                if self.view.symbol(self.at, "(") {
                    self.at += 2;
                }
                while self.view.symbol(self.at, "@") || self.view.symbol(self.at, ".") {
                    self.at += 2;
                }
            } else {
                return;
            }
        }
    }

    fn index(&mut self) {
        self.object(ObjectKind::Index);
        if let Some(on) = self.view.outer().find(|&at| at >= self.at && self.view.is(at, "on")) {
            self.at = on + 1;
            self.object(ObjectKind::Table);
        }
    }

    /// Other objects in what `ALTER` does: a new name, a table that changes places with a partition.
    fn altered(&mut self, kind: ObjectKind) {
        let (view, start) = (self.view, self.at);
        for at in view.outer().filter(|&at| at >= start) {
            if view.is(at, "rename") && !view.is_any(at + 1, &["column", "index", "key"]) {
                self.at = at + 1;
                if !self.skip_any(&["to", "as"]) {
                    // Before 8.0 the word could be an equals sign, and it may be missing.
                    self.at += usize::from(view.symbol(self.at, "="));
                }
                self.object(kind);
            } else if view.are(at, &["with", "table"]) {
                self.at = at + 2;
                self.object(kind);
            }
        }
    }

    /// `RENAME TABLE a TO b, c TO d`
    fn renamed_tables(&mut self) {
        self.at = 2;
        self.skip_existence();
        loop {
            self.object(ObjectKind::Table);
            // MariaDB's limit on the wait, in seconds
            self.skip_any(&["nowait"]);
            if self.skip_any(&["wait"]) {
                self.at += 1;
            }
            if !self.skip_any(&["to"]) {
                return;
            }
            self.object(ObjectKind::Table);
            if !self.view.symbol(self.at, ",") {
                return;
            }
            self.at += 1;
        }
    }

    fn list(&mut self, kind: ObjectKind) {
        loop {
            self.object(kind);
            if !self.view.symbol(self.at, ",") {
                return;
            }
            self.at += 1;
        }
    }

    /// Takes the name at this place, if there is one that can be read.
    fn object(&mut self, kind: ObjectKind) {
        let mut name = Vec::new();
        loop {
            let Some(part) = self.part() else { return };
            name.push(part);
            self.at += 1;
            if !self.view.symbol(self.at, ".") {
                break;
            }
            self.at += 1;
        }
        self.objects.push(Object { kind, name });
    }

    fn part(&self) -> Option<String> {
        let source = self.view.source(self.at);
        match self.view.token(self.at)?.kind {
            TokenKind::Word | TokenKind::Number if self.folds => Some(source.to_ascii_lowercase()),
            TokenKind::Word | TokenKind::Number => Some(source.to_owned()),
            TokenKind::Name | TokenKind::Text => {
                // A prefix would mean that the name is written with escapes.
                let quote = source.chars().next().filter(|c| matches!(c, '"' | '`' | '\''))?;
                let inner = source.strip_prefix(quote)?.strip_suffix(quote)?;
                Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
            }
            _ => None,
        }
    }
}

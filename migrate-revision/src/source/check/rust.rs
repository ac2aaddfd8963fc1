//! What is checked of a Rust revision: its data, and what its strings do.

use std::fs;
use std::io;
use std::path::Path;

use super::Checker;
use crate::checksum::Hasher;
use crate::source::data::{data_names, with_unix_line_ends};
use crate::source::directory::DataFile;
use crate::source::file::{Content, ParsedRevision};
use crate::source::lock::Lock;
use crate::source::rust::RustItems;
use crate::{Backend, Checksum, Problem, nearest};

impl Checker<'_> {
    /// The data files that a Rust revision names.
    fn data_of(&self, items: &RustItems) -> impl Iterator<Item = &DataFile> {
        let named = data_names(&items.strings);
        self.data.iter().filter(move |file| named.contains(&file.name))
    }

    /// What of its data may have made a locked Rust revision another one.
    pub(super) fn data_notes(&self, parsed: &ParsedRevision, lock: &Lock) -> Vec<String> {
        let Content::Rust(items) = &parsed.content else { return Vec::new() };
        let shown = |files: Vec<&DataFile>| {
            let names: Vec<String> = files.iter().map(|file| format!("`data/{}`", file.name)).collect();
            names.join(", ")
        };
        let files: Vec<&DataFile> = self.data_of(items).collect();
        let mut notes = Vec::new();
        if !files.is_empty() {
            notes.push(format!("what counts is the file, and the data that it names: {}", shown(files)));
        }
        let mut gone = items.data.likely();
        gone.retain(|name| !self.data.iter().any(|file| file.name == *name));
        if !gone.is_empty() {
            let names: Vec<String> = gone.iter().map(|name| format!("`{name}`")).collect();
            let names = names.join(", ");
            notes.push(format!(
                "named in it, and not under `data/`: {names}; data that was there when it was locked counts"
            ));
        }
        let without_cr =
            self.rust_hash(parsed, items, |_, bytes| without_carriage_returns(&bytes), |_, _| ());
        let entry = lock.entries.iter().find(|entry| entry.id == parsed.id);
        if entry.is_some_and(|entry| entry.checksums.contains(&Some(without_cr))) {
            let in_bytes = |file: &&DataFile| {
                let crlf = |bytes: Vec<u8>| bytes.windows(2).any(|pair| pair == b"\r\n");
                !items.data.is_text(&file.name) && fs::read(&file.path).is_ok_and(crlf)
            };
            notes.push(format!(
                "it is what was locked but for CR before LF, which counts in what it reads as bytes: {}",
                shown(self.data_of(items).filter(in_bytes).collect())
            ));
        }
        notes
    }

    pub(super) fn rust_checksum(
        &self,
        parsed: &ParsedRevision,
        items: &RustItems,
        problems: &mut Vec<Problem>,
    ) -> Checksum {
        if self.checks.require_down && !items.down {
            problems.push(parsed.source.problem(
                &parsed.id_range,
                format!("revision `{}` has no way down", parsed.id),
                "write `pub async fn down(db: &mut Db<'_>) -> Result<()>`; the call asks for it with `require(down)`",
            ));
        }
        self.rust_hash(
            parsed,
            items,
            |name, bytes| if items.data.is_text(name) { with_unix_line_ends(bytes) } else { bytes },
            |file, error| {
                problems.push(Problem::of_path(
                    format!("{}data/{}", parsed.source.path.trim_end_matches(&parsed.source.name), file.name),
                    format!("cannot be read: {error}"),
                    format!("revision `{}` names it; make it readable", parsed.id),
                ));
            },
        )
    }

    /// The checksum of a Rust revision and of what `content` makes of its data.
    fn rust_hash(
        &self,
        parsed: &ParsedRevision,
        items: &RustItems,
        content: impl Fn(&str, Vec<u8>) -> Vec<u8>,
        mut unreadable: impl FnMut(&DataFile, &io::Error),
    ) -> Checksum {
        let mut hasher = Hasher::new("rust");
        hasher.part(parsed.source.text.as_bytes());
        for file in self.data_of(items) {
            match fs::read(&file.path) {
                Ok(bytes) => {
                    hasher.part(file.name.as_bytes());
                    hasher.part(&content(&file.name, bytes));
                }
                Err(error) => unreadable(file, &error),
            }
        }
        hasher.finish()
    }

    /// Data that the revision asks for and that is not there.
    pub(super) fn rust_data(&self, parsed: &ParsedRevision, items: &RustItems, problems: &mut Vec<Problem>) {
        // Without a backend in question nobody looks at what is in a revision.
        if !self.data_is_whole || self.checks.backends.is_empty() {
            return;
        }
        for (name, range) in items.data.asked(&parsed.source.text) {
            if self.data.iter().any(|file| Path::new(&file.name) == Path::new(name)) {
                continue;
            }
            let below = name.trim_start_matches("./").trim_start_matches("data/");
            let near = nearest(below, self.data.iter().map(|file| file.name.as_str()));
            let problem = parsed.source.problem(
                &range,
                format!("there is no file `{name}` under `data/`"),
                "put it there and into version control: does git ignore it, or was it not added?",
            );
            problems.push(match near {
                Some(near) => problem.help(format!("or is `{near}` meant, which is there?")),
                None => problem,
            });
        }
    }

    /// Functions that would have rows deleted, or that try in vain to keep them.
    pub(super) fn rust_foreign_keys(
        &self,
        parsed: &ParsedRevision,
        items: &RustItems,
        problems: &mut Vec<Problem>,
    ) {
        // What is locked was applied as it is, and a key more would be an edit.
        if parsed.header.foreign_keys.is_some()
            || self.locked.contains(parsed.id.as_str())
            || !self.checks.backends.contains(&Backend::Sqlite)
        {
            return;
        }
        if let Some(range) = &items.foreign_keys_pragma {
            problems.push(parsed.source.problem(
                range,
                "`PRAGMA foreign_keys` does nothing inside of the revision's transaction",
                "remove it; `//! foreign-keys: off` in the header turns them off for the revision, and `on` says that another \
                 connection is meant",
            ));
        }
        if let Some((range, table)) = &items.rebuilt {
            problems.push(parsed.source.problem(
                range,
                format!("table `{table}` is dropped and made anew while foreign keys are in force"),
                "write `//! foreign-keys: off` into the header: else SQLite deletes its rows first, and with them those that \
                 refer to it by `ON DELETE CASCADE`; `//! foreign-keys: on` says that this is meant",
            ));
        }
    }
}

fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let next = bytes.iter().skip(1).map(Some).chain([None]);
    let kept = bytes.iter().zip(next).filter(|pair| *pair != (&b'\r', Some(&b'\n')));
    kept.map(|(byte, _)| *byte).collect()
}

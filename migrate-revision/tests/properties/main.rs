//! What holds for every input, however odd: it is read or refused, in time that grows as it does, and what is read is what
//! was written. `PROPTEST_CASES` in the environment tries more of them.
#![cfg(feature = "source")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod codec;
mod file;
mod lock;
mod sql;
mod target;
mod window;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cpu_time::ThreadTime;
use proptest::prelude::*;

/// The real texts that odd ones are made from: those of these directories.
fn seeds(directories: &[&str]) -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    let mut directories: Vec<PathBuf> = directories.iter().map(|directory| here.join(directory)).collect();
    while let Some(directory) = directories.pop() {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.push(text);
            }
        }
    }
    texts
}

/// One of the texts with pieces of it removed, repeated or overwritten, and fragments put in.
fn mutated(texts: Vec<String>, fragments: Vec<&'static str>) -> impl Strategy<Value = String> {
    let place = any::<prop::sample::Index>;
    let edit = (0..4_u8, place(), place(), prop::sample::select(fragments));
    (prop::sample::select(texts), prop::collection::vec(edit, 0..8)).prop_map(|(text, edits)| {
        let mut text: Vec<char> = text.chars().collect();
        for (what, from, length, fragment) in edits {
            let from = from.index(text.len() + 1);
            let to = from + length.index((text.len() - from).min(40) + 1);
            let piece: Vec<char> = text[from..to].to_vec();
            match what {
                0 => text.splice(from..to, []).for_each(drop),
                1 => text.splice(from..from, piece).for_each(drop),
                2 => text.splice(from..to, fragment.chars()).for_each(drop),
                _ => text.splice(from..from, fragment.chars()).for_each(drop),
            }
        }
        text.into_iter().collect()
    })
}

/// What some work yields, and how much it is: the processor's time of this thread, which does not grow with what else the
/// machine does.
fn worked<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let clock = ThreadTime::now();
    (work(), clock.elapsed())
}

/// That eight times as much takes about eight times as long, and not sixty-four times.
fn assert_linear(what: &str, length: usize, mut work: impl FnMut(usize)) {
    let ((), short) = worked(|| work(length));
    let ((), long) = worked(|| work(8 * length));
    let limit = (24 * short).max(Duration::from_millis(500));
    assert!(long < limit, "{what}: {length} bytes take {short:?}, and eight times as many {long:?}");
}

#[test]
#[should_panic(expected = "and eight times as many")]
fn a_cost_that_is_not_linear_is_found() {
    assert_linear("the square", 100, |length| {
        let clock = ThreadTime::now();
        while clock.elapsed() < Duration::from_micros((length * length) as u64) {
            std::hint::spin_loop();
        }
    });
}

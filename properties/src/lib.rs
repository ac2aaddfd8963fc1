//! Properties, the tests of what holds for every input: they tell how many inputs they were tried on, which the test command adds up
//! for docs/guarantees.md.

use std::fs::OpenOptions;
use std::io::Write;

#[doc(hidden)]
pub use proptest::proptest;
use proptest::test_runner::Config;

/// Tests of what holds for every input, with the rows of the page that they count for and how many inputs there are at least.
#[macro_export]
macro_rules! properties {
    ($rows:expr, $cases:expr;
     $(fn $name:ident($($input:pat in $strategy:expr),+ $(,)?) $body:block)+) => {$(
        #[test]
        fn $name() {
            let tried = &std::cell::Cell::new(0);
            $crate::proptest!($crate::config($cases), |($($input in $strategy),+)| {
                tried.set(tried.get() + 1);
                $body
            });
            for row in $rows {
                $crate::tell(row, tried.get());
            }
        }
    )+};
}

/// So many cases, or those of `PROPTEST_CASES` in the environment if they are more.
#[must_use]
pub fn config(cases: u32) -> Config {
    let usual = Config { failure_persistence: None, ..Config::default() };
    Config { cases: usual.cases.max(cases), ..usual }
}

/// So many inputs were tried, and it held for all.
///
/// # Panics
/// When the test command, which adds them up, has named a file for that and it cannot be written.
pub fn tell(row: &str, inputs: u64) {
    let line = format!("{row}: inputs {inputs}\n");
    print!("{line}");
    if let Some(path) = std::env::var_os("EMBED_MIGRATIONS_TEST_COUNTS") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok(), "{written:?}");
    }
}

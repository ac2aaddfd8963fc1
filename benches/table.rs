//! What the benches print: one table for people, or one JSON object per line.

use std::time::Duration;

use crate::Comparison;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

impl Format {
    /// By the arguments of the process: `--format json`, or text.
    pub fn of_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        if arguments.windows(2).any(|pair| pair == ["--format", "json"]) { Self::Json } else { Self::Text }
    }

    pub fn print_head(self) {
        if self == Self::Text {
            println!(
                "{:<44} {:>6} {:>6} {:>14} {:>10} {:>12} {:>12}",
                "", "N", "ratio", "from .. to", "CPU ratio", "ours", "bare driver"
            );
        }
    }

    pub fn print(self, what: &str, count: usize, result: &Comparison) {
        let Comparison { ours, bare, ratio, spread: (from, to), cpu_ratio } = result;
        let cpu = |missing: &str| cpu_ratio.map_or(missing.to_owned(), |ratio| format!("{ratio:.3}"));
        match self {
            Self::Text => println!(
                "{what:<44} {count:>6} {ratio:>6.2} {:>14} {:>10} {:>12.1?} {:>12.1?}",
                format!("{from:.2} .. {to:.2}"),
                cpu("-"),
                ours.time,
                bare.time
            ),
            Self::Json => println!(
                "{{\"what\":\"{what}\",\"count\":{count},\"ratio\":{ratio:.4},\"lowest\":{from:.4},\"highest\":{to:.4},\
                 \"cpu_ratio\":{},\"ours_ns\":{},\"bare_ns\":{}}}",
                cpu("null"),
                ours.time.as_nanos(),
                bare.time.as_nanos()
            ),
        }
    }

    /// One number.
    pub fn print_value(self, what: &str, count: usize, value: f64) {
        match self {
            Self::Text => println!("{what:<58} {count:>6} {value:>10.2}"),
            Self::Json => println!("{{\"what\":\"{what}\",\"count\":{count},\"value\":{value:.3}}}"),
        }
    }

    /// A median in milliseconds, and the interval that it is in.
    pub fn print_median(self, what: &str, count: usize, median: f64, (from, to): (f64, f64)) {
        match self {
            Self::Text => println!("{what:<58} {count:>6} {median:>10.3}   {from:.3} .. {to:.3}"),
            Self::Json => println!(
                "{{\"what\":\"{what}\",\"count\":{count},\"value\":{median:.4},\"lowest\":{from:.4},\"highest\":{to:.4}}}"
            ),
        }
    }

    /// Over a slow link: how much longer it takes than over none, and how often the client went on after an answer.
    pub fn print_link(self, what: &str, count: usize, near: (Duration, usize), far: (Duration, usize)) {
        let ((near, _), (far, turns)) = (near, far);
        let more = far.as_secs_f64() - near.as_secs_f64();
        match self {
            Self::Text => println!(
                "{what:<44} {count:>6} {near:>10.1?} near, {far:>10.1?} far: {more:.3} s more; {turns} turns"
            ),
            Self::Json => println!(
                "{{\"what\":\"{what}\",\"count\":{count},\"near_ns\":{},\"far_ns\":{},\"turns\":{turns}}}",
                near.as_nanos(),
                far.as_nanos()
            ),
        }
    }
}

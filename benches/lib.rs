//! Two things timed against each other: in turn, in one run, so that whatever else the machine does meets both.

use std::time::{Duration, Instant};

/// Medians of two things, and of their ratios.
#[derive(Debug)]
pub struct Comparison {
    pub ours: Duration,
    pub bare: Duration,
    /// The median of ours divided by bare, each pair by itself
    pub ratio: f64,
    /// The lowest and highest of those
    pub spread: (f64, f64),
}

/// Times both so many times, taking turns at going first.
pub fn compare(rounds: usize, mut ours: impl FnMut(), mut bare: impl FnMut()) -> Comparison {
    compare_on(rounds, || (), |()| ours(), |()| bare())
}

/// As [`compare`], each time on something that is made anew and whose making is not timed.
pub fn compare_on<S>(
    rounds: usize,
    mut make: impl FnMut() -> S,
    mut ours: impl FnMut(&mut S),
    mut bare: impl FnMut(&mut S),
) -> Comparison {
    let mut pairs: Vec<(Duration, Duration)> = Vec::with_capacity(rounds);
    ours(&mut make());
    bare(&mut make());
    for round in 0..rounds {
        let (mut first, mut second) = (make(), make());
        let (a, b);
        if round % 2 == 0 {
            a = time(|| ours(&mut first));
            b = time(|| bare(&mut second));
        } else {
            b = time(|| bare(&mut first));
            a = time(|| ours(&mut second));
        }
        pairs.push((a, b));
    }
    let mut ratios: Vec<f64> =
        pairs.iter().map(|(ours, bare)| ours.as_secs_f64() / bare.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    Comparison {
        ours: median(pairs.iter().map(|pair| pair.0).collect()),
        bare: median(pairs.iter().map(|pair| pair.1).collect()),
        ratio: ratios[ratios.len() / 2],
        spread: (ratios[0], ratios[ratios.len() - 1]),
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

//! What a process does with its signals.

use std::fs;

/// A bit for each signal, the lowest for the first, of a set that `/proc/self/status` names, such as `SigIgn`: those that this process
/// ignores. `None` where the system does not tell.
#[must_use]
pub fn mask(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

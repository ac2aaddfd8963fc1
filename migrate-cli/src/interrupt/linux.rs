//! Signals of Linux.

use std::ffi::c_int;
use std::process;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::signals::mask;

/// What ends a program that does not handle it.
const ENDING: [c_int; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Has `pressed` called for each signal that ends the program, from now on, with whether it counts as a second one; where it says that there is
/// nothing to stop, the signal does as it would without this. Those that the program handles itself by now, or was started to ignore, as under
/// `nohup`, are left so.
pub(super) fn handle(pressed: fn(bool) -> bool) {
    let taken = taken();
    let free = ENDING.into_iter().filter(|signal| taken >> (signal - 1) & 1 == 0);
    let Ok(mut signals) = Signals::new(free) else { return };
    thread::spawn(move || {
        for signal in signals.forever() {
            // Of one terminal that is closed the system tells and the shell, some time apart.
            if !pressed(signal != SIGHUP) {
                end(signal);
            }
        }
    });
}

fn end(signal: c_int) {
    if process::id() == 1 {
        // Which no signal ends that it sends to itself
        process::exit(128 + signal);
    }
    let _ = emulate_default_handler(signal);
}

/// A bit for each signal that is handled or ignored; none where the system does not tell.
fn taken() -> u64 {
    ["SigIgn", "SigCgt"].into_iter().filter_map(mask).fold(0, |all, mask| all | mask)
}

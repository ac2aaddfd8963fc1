//! Ctrl-C on other systems than Linux, on which it cannot be told what a program handles or ignores.

use std::process;

use crate::exit::Exit;

/// Has `pressed` called for each Ctrl-C from now on, unless the program handles it itself; where it says that there is nothing to stop, the
/// program ends.
pub(super) fn handle(pressed: fn(bool) -> bool) {
    let _ = ctrlc::try_set_handler(move || {
        if !pressed(true) {
            process::exit(Exit::Cancelled.code().into());
        }
    });
}

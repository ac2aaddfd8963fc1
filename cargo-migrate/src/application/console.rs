//! Ctrl-C where there are no process groups: a console sends it to all of its programs by itself.

use std::process::Command;

use migrate_cli::Exit;

pub(super) struct Place;

impl Place {
    pub(super) fn choose(_: &mut Command) -> Self {
        Self
    }

    pub(super) fn pass_on(&self, _: u32, _: Received) -> bool {
        false
    }

    pub(super) fn wait_for_rest(&self, _: u32) {}
}

/// Ctrl-C.
#[derive(Clone, Copy)]
pub(super) struct Received;

impl Received {
    pub(super) fn exit_code(self) -> i32 {
        Exit::Cancelled.code().into()
    }
}

#[derive(Default)]
pub(super) struct Signals(Option<tokio::signal::windows::CtrlC>);

impl Signals {
    pub(super) fn watch_before_start(&mut self) {
        self.0 = tokio::signal::windows::ctrl_c().ok();
    }

    pub(super) fn watch_after_start(&mut self) {}

    pub(super) async fn next(&mut self) -> Received {
        match &mut self.0 {
            Some(pressed) => drop(pressed.recv().await),
            None => std::future::pending().await,
        }
        Received
    }
}

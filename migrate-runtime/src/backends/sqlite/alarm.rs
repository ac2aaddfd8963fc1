//! The limit of a section's own time.

use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;

/// Interrupts what the connection runs when its time is over.
pub(super) struct Alarm {
    off: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Alarm {
    pub(super) fn set(connection: &Connection, timeout: Duration) -> Self {
        let handle = connection.get_interrupt_handle();
        let (off, wait) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            if wait.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        Self { off: Some(off), thread: Some(thread) }
    }
}

impl Drop for Alarm {
    /// Waits for the thread, so that a late interrupt does not hit the next statement.
    fn drop(&mut self) {
        self.off.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

//! The limit of a section's own time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Interrupts what the connection runs when its time is over.
pub(super) struct Alarm {
    off: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Alarm {
    pub(super) fn set(connection: &Connection, timeout: Duration) -> Self {
        let handle = connection.get_interrupt_handle();
        let off = Arc::new(AtomicBool::new(false));
        let is_off = Arc::clone(&off);
        let thread = thread::spawn(move || {
            let start = Instant::now();
            while !is_off.load(Ordering::Acquire) {
                match timeout.checked_sub(start.elapsed()) {
                    Some(left) if !left.is_zero() => thread::park_timeout(left),
                    _ => return handle.interrupt(),
                }
            }
        });
        Self { off, thread: Some(thread) }
    }
}

impl Drop for Alarm {
    /// Waits for the thread, so that a late interrupt does not hit the next statement.
    fn drop(&mut self) {
        self.off.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

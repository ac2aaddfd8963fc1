//! The set that a target was taken from.

use std::any::Any;
use std::{fmt, ptr};

/// The set of revisions that a target names one of. What a set is, only those know who make and read it.
#[derive(Clone, Copy)]
pub struct Origin(pub &'static (dyn Any + Send + Sync));

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        ptr::addr_eq(self.0, other.0)
    }
}

impl Eq for Origin {}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin(..)")
    }
}

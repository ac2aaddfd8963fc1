//! The commands, one file each: arguments, and what is done and printed.

pub mod check;
pub mod current;
pub mod downgrade;
pub mod fleet;
pub mod heads;
pub mod history;
pub mod plan;
pub mod resolve;
pub mod show;
pub mod sql;
pub mod stamp;
pub mod status;
pub mod undo;
pub mod upgrade;
pub mod way;

//! Compiled database migrations.

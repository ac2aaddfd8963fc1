//! The procedural macro of embed-migrations.

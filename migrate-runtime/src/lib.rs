//! The runtime of embed-migrations.

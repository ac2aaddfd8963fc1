//! How SQL is split, classified and refused: tables of texts for each dialect.
#![cfg(feature = "source")]
#![allow(clippy::unwrap_used)]

mod files;
mod mode;
mod mysql;
mod objects;
mod postgres;
mod sqlite;
mod tables;

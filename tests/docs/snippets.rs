//! Commands in the text.

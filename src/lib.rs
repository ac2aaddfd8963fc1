//! Compiled database migrations.
#[doc(inline)]
pub use migrate_runtime::*;

/// For the code that [`embed_migrations!`] writes. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use migrate_macros::embed;
    pub use migrate_runtime::__private::*;
}

/// Embeds a directory of revisions.
#[macro_export]
macro_rules! embed_migrations {
    ($($call:tt)*) => {
        $crate::__private::embed! { $crate; $($call)* }
    };
}

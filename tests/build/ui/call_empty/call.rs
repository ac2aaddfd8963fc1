embed_migrations!();

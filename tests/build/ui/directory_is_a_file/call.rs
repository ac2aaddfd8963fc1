embed_migrations!("Cargo.toml");

embed_migrations!("cases/call_option_misspelt", backend = [sqlite]);

embed_migrations!("cases/call_backend_misspelt", backends = [postgresql]);

embed_migrations!("cases/call_backend_unknown", backends = [sqlite, oracle]);

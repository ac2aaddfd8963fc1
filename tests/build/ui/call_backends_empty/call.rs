embed_migrations!("cases/call_backends_empty", backends = []);

embed_migrations!("cases/call_backends_quoted", backends = ["sqlite"]);

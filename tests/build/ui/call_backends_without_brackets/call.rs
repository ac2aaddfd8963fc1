embed_migrations!("cases/call_backends_without_brackets", backends = sqlite);

embed_migrations!("cases/call_namespace_unquoted", namespace = billing);

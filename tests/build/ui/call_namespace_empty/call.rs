embed_migrations!("cases/call_namespace_empty", namespace = "");

embed_migrations!("cases/call_option_without_value", namespace);

embed_migrations!("cases/call_option_quoted", "namespace" = "a");

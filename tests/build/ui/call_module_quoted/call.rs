embed_migrations!("cases/call_module_quoted", module = "db");

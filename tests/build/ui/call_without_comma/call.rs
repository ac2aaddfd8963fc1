embed_migrations!("cases/call_without_comma" module = db);

embed_migrations!("cases/call_option_unknown", squash = yes);

embed_migrations!("cases/call_requires_nothing", require);

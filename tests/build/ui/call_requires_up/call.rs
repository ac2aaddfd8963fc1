embed_migrations!("cases/call_requires_up", require(up));

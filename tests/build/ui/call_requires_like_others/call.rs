embed_migrations!("cases/call_requires_like_others", require = down);

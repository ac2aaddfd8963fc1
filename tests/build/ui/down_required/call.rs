embed_migrations!("cases/down_required", require(down));

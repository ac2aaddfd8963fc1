embed_migrations!("cases/../cases/directory_missing/nowhere");

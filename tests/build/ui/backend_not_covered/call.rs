embed_migrations!("cases/backend_not_covered", backends = [postgres, sqlite]);

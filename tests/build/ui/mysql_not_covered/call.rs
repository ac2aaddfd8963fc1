embed_migrations!("cases/mysql_not_covered", backends = [mysql]);

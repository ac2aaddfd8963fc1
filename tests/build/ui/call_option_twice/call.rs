embed_migrations!("cases/call_option_twice", namespace = "a", namespace = "b");

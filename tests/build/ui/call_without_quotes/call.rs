embed_migrations!(migrations);

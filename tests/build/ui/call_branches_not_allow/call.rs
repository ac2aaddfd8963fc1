embed_migrations!("cases/call_branches_not_allow", branches = true);

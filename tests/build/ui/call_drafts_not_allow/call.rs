embed_migrations!("cases/call_drafts_not_allow", drafts = yes);

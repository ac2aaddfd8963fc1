//! The work of a team, from the first revision on.

use embed_migrations_tests::behaviours;

use crate::program::Program;

/// The last line of an output.
fn last(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

behaviours! {
    fn a_history_begins_grows_in_two_clones_and_is_merged(db) {
        let name = format!("command_{:?}", db.kind).to_lowercase();
        let ann = Program::new(&name, db);

        // The first revision.
        assert_eq!(ann.migrate("init").succeeded(), "created migrations\n");
        let users = ann.add_table("users");
        ann.cargo("check --quiet").succeeded();
        let at = |revision: &str, steps: usize| format!("{steps} step{}, now at {revision} (", if steps == 1 { "" } else { "s" });
        assert!(ann.migrate("upgrade head").succeeded().starts_with(&at(&users, 1)));
        assert_eq!(db.tables(), ["users"]);
        assert!(ann.migrate("downgrade -1 --yes").succeeded().starts_with(&at("base", 1)));
        assert_eq!(db.tables(), Vec::<String>::new());
        assert!(ann.migrate("upgrade head").succeeded().starts_with(&at(&users, 1)));
        assert_eq!(ann.migrate("current").succeeded(), format!("{users} (head), Add users\n"));
        assert_eq!(ann.migrate("history").succeeded(), format!("<base> -> {users} (head), Add users\n"));
        ann.migrate("lock").succeeded();
        ann.commit("add users");

        // Two clones each add one and lock it; git cannot merge the lock file.
        let ben = ann.clone_as(&format!("{name}_ben"));
        let tags = ben.add_table("tags");
        ben.migrate("lock").succeeded();
        ben.commit("add tags");
        let posts = ann.add_table("posts");
        ann.migrate("lock").succeeded();
        ann.commit("add posts");
        let pull = format!("pull --quiet --no-rebase {} main", ben.path("").display());
        ann.git(&pull).exited(1);
        assert_eq!(ann.git("diff --name-only --diff-filter=U").succeeded(), "migrations/migrations.lock\n");
        let refused = ann.cargo("check --quiet");
        assert!(refused.failed().contains("the lock file has an unresolved merge conflict"), "{refused:?}");
        for revision in [&posts, &tags] {
            assert!(refused.stderr.contains(revision.as_str()), "{revision} is not in {}", refused.stderr);
        }
        ann.migrate("check").exited(4);

        // A merge mends it.
        let merged = ann.migrate("merge");
        merged.succeeded();
        assert!(merged.stderr.contains("kept the lines of both sides"), "{merged:?}");
        ann.cargo("check --quiet").succeeded();
        ann.migrate("check").exited(6);
        ann.migrate("lock").succeeded();
        ann.migrate("check").succeeded();
        ann.commit("merge tags");

        // In two drafts git sees nothing to merge; the build does, and a rebase mends it.
        ben.git(&format!("pull --quiet {} main", ann.path("").display())).succeeded();
        let likes = ben.add_table("likes");
        ben.commit("add likes");
        let votes = ann.add_table("votes");
        ann.commit("add votes");
        ann.git(&pull).succeeded();
        let refused = ann.cargo("check --quiet");
        assert!(refused.failed().contains("the history has 2 heads"), "{refused:?}");
        for file in [format!("{likes}_add_likes.sql"), format!("{votes}_add_votes.sql")] {
            assert!(refused.stderr.contains(&file), "{file} is not in {}", refused.stderr);
        }
        ann.migrate("check").exited(5);
        ann.migrate("upgrade head").exited(5);
        ann.migrate(&format!("rebase {votes}")).succeeded();
        ann.cargo("check --quiet").succeeded();
        ann.migrate("lock").succeeded();
        ann.commit("put votes on top");

        // The database follows, to a revision and to the head; a build of the application finds nothing to do.
        ann.migrate("check --database").exited(7);
        assert!(last(ann.migrate(&format!("upgrade {posts}")).succeeded()).starts_with(&at(&posts, 1)));
        assert_eq!(db.tables(), ["posts", "users"]);
        assert!(ann.migrate(&format!("upgrade {}", &likes[..6])).succeeded().starts_with(&at(&likes, 3)));
        assert!(ann.migrate("upgrade").succeeded().starts_with(&at(&votes, 1)));
        assert_eq!(db.tables(), ["likes", "posts", "tags", "users", "votes"]);
        ann.migrate("check --database").succeeded();
        assert_eq!(ann.cargo("run --quiet").succeeded(), format!("nothing to do: at {votes}\n"));
        assert_eq!(ann.migrate("history").succeeded().lines().count(), 6);

        // A stamp changes what is recorded, and no table.
        ann.migrate(&format!("stamp {users}")).succeeded();
        assert_eq!(ann.migrate("current").succeeded(), format!("{users}, Add users\n"));
        ann.migrate("current --check-heads").exited(7);
        ann.migrate("stamp head").succeeded();
        ann.migrate("current --check-heads").succeeded();
        assert_eq!(db.tables().len(), 5);

        // The clone that is behind is told so, with the reason.
        let behind = ben.migrate("check --database --allow-drafts");
        assert!(behind.exited(8).contains("the database has revisions that are not here"), "{behind:?}");
        assert!(behind.stdout.contains(&votes), "{behind:?}");
    }
}

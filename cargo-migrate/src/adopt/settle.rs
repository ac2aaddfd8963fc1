//! What a revision may not leave open and another tool does: migrations with nothing in them, transactions of their own,
//! lines that would begin a section.

use migrate_revision::{Backend, Direction, Problem};

use super::{Reading, Section, is_for};

/// Makes of the migrations what can be revisions. `backends` are those that each is to cover, if they are named; `sqlite`
/// says whether sections without a backend are also for SQLite. With `allow_empty`, a way up in which there is nothing to do
/// becomes `SELECT 1`, and so does the way down of one.
pub(crate) fn settle(all: &mut Reading, backends: &[Backend], sqlite: bool, allow_empty: bool) {
    let Reading { migrations, problems, notes, .. } = all;
    for migration in migrations {
        let is_merge = migration.revises.len() > 1;
        let mut kept = Vec::new();
        let is_up = |section: &Section| section.direction == Direction::Up;
        // To undo nothing is to do nothing; else a way down that does nothing would not be one.
        let does_nothing = migration.sections.iter().filter(|section| is_up(section)).all(Section::is_empty);
        for mut section in std::mem::take(&mut migration.sections) {
            if !section.no_transaction {
                section.remove_own_frame();
            }
            section.foreign_keys_off &= match section.backends.as_slice() {
                [] => sqlite,
                named => named.contains(&Backend::Sqlite),
            };
            if !section.is_empty() {
                problems.extend(section.lines.iter().filter_map(|line| marker(&section, line)));
                kept.push(section);
            } else if is_merge {
                // A merge may do nothing but join.
            } else if allow_empty && (section.direction == Direction::Up || does_nothing) {
                kept.push(nothing(section));
            } else if section.direction == Direction::Up {
                problems.push(empty(&section.file, "the migration does nothing"));
            } else {
                let id = &migration.id;
                notes.push(format!("the way down of {id} does nothing: the revision is irreversible"));
            }
        }
        let lacks = |backend: &Backend| backends.len() > 1 && !kept.is_empty() && !covers(&kept, *backend);
        let lacking: Vec<Backend> = backends.iter().copied().filter(lacks).collect();
        for backend in lacking {
            match allow_empty {
                true => {
                    let new = nothing_for(backend, &migration.file);
                    let is_there = |new: &Section| {
                        kept.iter()
                            .any(|it| it.direction == new.direction && is_for(&it.backends, Some(backend)))
                    };
                    let new: Vec<Section> = new.into_iter().filter(|new| !is_there(new)).collect();
                    kept.extend(new);
                }
                false => notes.push(format!("{} has nothing for {backend}", migration.id)),
            }
        }
        // A version that only has a way down: its way up is to do nothing.
        if allow_empty && !kept.is_empty() && !kept.iter().any(is_up) {
            let down = &kept[0];
            let backends = down.backends.clone();
            let up = nothing(Section::new(Direction::Up, &down.file));
            kept.push(Section { backends, ..up });
        }
        let may_be_empty = is_merge && kept.is_empty();
        let is_known = problems.iter().any(|problem| problem.path == migration.file);
        if !may_be_empty && !is_known && !kept.iter().any(is_up) {
            problems.push(empty(&migration.file, "the migration has no way up"));
        }
        kept.sort_by_key(|section| !is_up(section));
        migration.sections = kept;
    }
}

fn covers(sections: &[Section], backend: Backend) -> bool {
    let mut ups = sections.iter().filter(|section| section.direction == Direction::Up);
    ups.any(|section| section.backends.is_empty() || section.backends.contains(&backend))
}

fn nothing_for(backend: Backend, file: &str) -> [Section; 2] {
    [Direction::Up, Direction::Down].map(|direction| {
        let section = nothing(Section::new(direction, file));
        Section { backends: vec![backend], ..section }
    })
}

fn nothing(mut section: Section) -> Section {
    let number = section.lines.first().map_or(1, |(number, _)| *number);
    section.lines = vec![(number, "SELECT 1;".to_owned())];
    section
}

fn empty(file: &str, message: &str) -> Problem {
    Problem::of_path(
        file,
        message,
        "`--allow-empty` makes it a revision that does nothing; or write the SQL that it stands for into it",
    )
}

/// A line that would begin another section. What only looks like one is found by the check.
fn marker(section: &Section, (number, line): &(usize, String)) -> Option<Problem> {
    let text = line.trim();
    ["-- migrate:up", "-- migrate:down"].iter().any(|marker| text.starts_with(marker)).then(|| {
        let place = migrate_revision::Place {
            line: *number,
            column: line.chars().take_while(|c| c.is_whitespace()).count() + 1,
            length: text.chars().count(),
            text: line.clone(),
        };
        Problem {
            place: Some(Box::new(place)),
            ..Problem::of_path(
                &section.file,
                "this line would begin another section",
                "word the comment differently",
            )
        }
    })
}

//! What was read out of one directory, or out of one for each backend, as one line of revisions.

use migrate_revision::{Backend, Problem};

use super::{Foreign, Reading};

/// Joins the directories: the same version in several of them is one revision with a section for each backend. Puts the
/// revisions of a tool without a graph on top of one another.
pub(crate) fn combine(readings: Vec<(Vec<Backend>, Reading)>) -> Reading {
    let mut all = Reading::default();
    for (backends, mut reading) in readings {
        all.has_graph |= reading.has_graph;
        all.problems.append(&mut reading.problems);
        all.skipped.append(&mut reading.skipped);
        all.notes.append(&mut reading.notes);
        for mut migration in reading.migrations {
            for section in &mut migration.sections {
                section.backends.clone_from(&backends);
            }
            for checksum in &mut migration.checksums {
                checksum.backends.clone_from(&backends);
            }
            match all.migrations.iter().position(|other| other.key == migration.key) {
                // Files of a graph that have one id are two revisions, and the check says so.
                Some(place) if !all.has_graph => join(&mut all.migrations[place], migration),
                _ => all.migrations.push(migration),
            }
        }
    }
    if !all.has_graph {
        all.migrations.sort_by(|a, b| a.position.cmp(&b.position));
        for place in 1..all.migrations.len() {
            all.migrations[place].revises = vec![all.migrations[place - 1].id.clone()];
        }
    }
    refuse_ids(&mut all);
    all
}

fn join(one: &mut Foreign, other: Foreign) {
    one.checksums.extend(other.checksums);
    for section in other.sections {
        match one.sections.iter_mut().find(|same| same.is_same(&section)) {
            Some(same) => same.backends.extend(section.backends),
            None => one.sections.push(section),
        }
    }
}

/// Versions that cannot be ids.
fn refuse_ids(all: &mut Reading) {
    for migration in &all.migrations {
        if let Err(error) = migration.id.parse::<migrate_revision::RevisionId>() {
            all.problems.push(Problem::of_path(
                &migration.file,
                format!("`{}` cannot be the id of a revision: {error}", migration.id),
                "give the migration another version, there and wherever it is named",
            ));
        }
    }
}

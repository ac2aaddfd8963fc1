//! A graph drawn in lines of text: a column for each branch that is open.

/// The columns, from one row to the next.
#[derive(Debug, Default)]
pub struct Lanes {
    /// The revision that each column leads to; `None` where a column is free
    open: Vec<Option<usize>>,
}

impl Lanes {
    /// The lines of a revision, which comes after all that stand on it. The text may have several.
    pub fn row(&mut self, revision: usize, parents: &[usize], text: &str) -> String {
        let mut lines = String::new();
        let waiting: Vec<usize> =
            (0..self.open.len()).filter(|&lane| self.open[lane] == Some(revision)).collect();
        let lane = waiting.first().copied().unwrap_or_else(|| self.free());
        self.open[lane] = Some(revision);
        if let [_, others @ ..] = waiting.as_slice()
            && !others.is_empty()
        {
            lines.push_str(&self.joint(lane, others, '┘', '┴'));
            others.iter().for_each(|&other| self.open[other] = None);
            self.trim();
        }
        let marks: Vec<&str> = (0..self.open.len())
            .map(|other| match self.open[other] {
                _ if other == lane => "*",
                Some(_) => "│",
                None => " ",
            })
            .collect();
        let (first, more) = text.split_once('\n').unwrap_or((text, ""));
        lines.push_str(&format!("{} {first}\n", marks.join(" ")));

        self.open[lane] = parents.first().copied();
        for line in more.lines() {
            let open = self.open.iter().map(|lane| if lane.is_some() { "│ " } else { "  " });
            let line = format!("{}{line}", open.collect::<String>());
            lines.push_str(&format!("{}\n", line.trim_end()));
        }
        let mut new = Vec::new();
        for &parent in parents.iter().skip(1) {
            let other = self.free();
            self.open[other] = Some(parent);
            new.push(other);
        }
        // A column that was free may lie to the left of the revision.
        new.sort_unstable();
        if !new.is_empty() {
            lines.push_str(&self.joint(lane, &new, '┐', '┬'));
        }
        self.trim();
        lines
    }

    /// A free column: to the right of all, so that joints lead to the right.
    fn free(&mut self) -> usize {
        self.open.push(None);
        self.open.len() - 1
    }

    fn trim(&mut self) {
        while self.open.last() == Some(&None) {
            self.open.pop();
        }
    }

    /// A line that connects a column with others to its right.
    fn joint(&self, from: usize, to: &[usize], end: char, middle: char) -> String {
        let last = to.last().copied().unwrap_or(from);
        let mut line = String::new();
        for lane in 0..self.open.len() {
            let inside = from < lane && lane <= last;
            line.push(match self.open[lane] {
                _ if lane == from => '├',
                _ if lane == last => end,
                _ if to.contains(&lane) => middle,
                Some(_) if inside => '┼',
                None if inside => '─',
                Some(_) => '│',
                None => ' ',
            });
            line.push(if from <= lane && lane < last { '─' } else { ' ' });
        }
        format!("{}\n", line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(rows: &[(usize, &[usize])]) -> String {
        let mut lanes = Lanes::default();
        rows.iter().map(|(revision, parents)| lanes.row(*revision, parents, &revision.to_string())).collect()
    }

    #[test]
    fn a_line_is_one_column() {
        assert_eq!(draw(&[(2, &[1]), (1, &[0]), (0, &[])]), "* 2\n* 1\n* 0\n");
    }

    #[test]
    fn more_lines_of_a_revision_stand_beside_the_open_columns() {
        let mut lanes = Lanes::default();
        let drawn = [lanes.row(2, &[1], "two\n  more\n"), lanes.row(1, &[], "one\n  more\n")].concat();
        assert_eq!(drawn, "* two\n│   more\n* one\n    more\n");
    }

    #[test]
    fn branches_open_and_close_columns() {
        assert_eq!(
            draw(&[(3, &[1, 2]), (2, &[0]), (1, &[0]), (0, &[])]),
            "* 3\n├─┐\n│ * 2\n* │ 1\n├─┘\n* 0\n"
        );
    }

    #[test]
    fn histories_of_their_own_stand_beside_each_other() {
        assert_eq!(draw(&[(3, &[1]), (2, &[0]), (1, &[]), (0, &[])]), "* 3\n│ * 2\n* │ 1\n  * 0\n");
    }

    #[test]
    fn a_merge_of_three_crosses_what_lies_between() {
        assert_eq!(
            draw(&[(5, &[0]), (4, &[1, 2, 3]), (3, &[0]), (2, &[0]), (1, &[0]), (0, &[])]),
            "* 5\n│ * 4\n│ ├─┬─┐\n│ │ │ * 3\n│ │ * │ 2\n│ * │ │ 1\n├─┴─┴─┘\n* 0\n"
        );
    }
}

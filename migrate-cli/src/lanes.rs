//! A graph drawn in columns: one for each branch that is open.

/// The columns, from one row to the next.
#[derive(Debug, Default)]
pub struct Lanes {
    /// The revision that each column leads to; `None` where a column is free
    open: Vec<Option<usize>>,
}

/// Where a revision stands, and which columns change at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its column
    pub lane: usize,
    /// The column by which each of its parents is reached
    pub parents: Vec<usize>,
    /// Which columns are in use above it, at it and below it
    above: Vec<bool>,
    at: Vec<bool>,
    below: Vec<bool>,
    /// The columns that end in it, its own aside
    ends: Vec<usize>,
}

impl Lanes {
    /// The place of a revision, which comes after all that stand on it.
    pub fn place(&mut self, revision: usize, parents: &[usize]) -> Place {
        let waiting: Vec<usize> =
            (0..self.open.len()).filter(|&lane| self.open[lane] == Some(revision)).collect();
        let lane = waiting.first().copied().unwrap_or_else(|| self.free());
        self.open[lane] = Some(revision);
        let above = self.in_use();
        let ends = waiting.get(1..).unwrap_or_default().to_vec();
        ends.iter().for_each(|&end| self.open[end] = None);
        self.trim();
        let at = self.in_use();
        self.open[lane] = parents.first().copied();
        let mut lanes: Vec<usize> = parents.first().map(|_| lane).into_iter().collect();
        for &parent in parents.iter().skip(1) {
            let lane = self.free();
            self.open[lane] = Some(parent);
            lanes.push(lane);
        }
        let below = self.in_use();
        self.trim();
        Place { lane, parents: lanes, above, at, below, ends }
    }

    /// The lines of a revision, which comes after all that stand on it. The text may have several.
    pub fn row(&mut self, revision: usize, parents: &[usize], text: &str) -> String {
        let place = self.place(revision, parents);
        let mut lines = String::new();
        if !place.ends.is_empty() {
            lines.push_str(&joint(&place.above, place.lane, &place.ends, '┘', '┴'));
        }
        let (first, more) = text.split_once('\n').unwrap_or((text, ""));
        let mark = |(lane, open): (usize, &bool)| match open {
            _ if lane == place.lane => "*",
            true => "│",
            false => " ",
        };
        let marks: Vec<&str> = place.at.iter().enumerate().map(mark).collect();
        lines.push_str(&format!("{} {first}\n", marks.join(" ")));
        if let [_, new @ ..] = place.parents.as_slice()
            && !new.is_empty()
        {
            lines.push_str(&joint(&place.below, place.lane, new, '┐', '┬'));
        }
        for line in more.lines() {
            let width = self.open.len().max(place.at.len());
            let is_open = |lane| matches!(self.open.get(lane), Some(Some(_)));
            let open: String = (0..width).map(|lane| if is_open(lane) { "│ " } else { "  " }).collect();
            lines.push_str(format!("{open}{line}").trim_end());
            lines.push('\n');
        }
        lines
    }

    /// A free column: to the right of all, so that joints lead to the right.
    fn free(&mut self) -> usize {
        self.open.push(None);
        self.open.len() - 1
    }

    fn in_use(&self) -> Vec<bool> {
        self.open.iter().map(Option::is_some).collect()
    }

    fn trim(&mut self) {
        while self.open.last() == Some(&None) {
            self.open.pop();
        }
    }
}

/// A line that connects a column with others to its right.
fn joint(open: &[bool], from: usize, to: &[usize], end: char, middle: char) -> String {
    let last = to.last().copied().unwrap_or(from);
    let mut line = String::new();
    for (lane, &open) in open.iter().enumerate() {
        let inside = from < lane && lane <= last;
        line.push(match open {
            _ if lane == from => '├',
            _ if lane == last => end,
            _ if to.contains(&lane) => middle,
            true if inside => '┼',
            false if inside => '─',
            true => '│',
            false => ' ',
        });
        line.push(if from <= lane && lane < last { '─' } else { ' ' });
    }
    format!("{}\n", line.trim_end())
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

//! The graph as an SVG picture, drawn without another program.

use std::fmt::Write as _;

use migrate_cli::{Entry, Lanes};
use migrate_revision::graph::{Graph, Index};

/// Height of a row and width of a column, in pixels.
const ROW: usize = 28;
const COLUMN: usize = 20;
const MARGIN: usize = 20;
const RADIUS: usize = 5;
/// Near enough for the width of a letter of 13 pixels.
const LETTER: usize = 8;

const COLORS: [&str; 6] = ["#1f6feb", "#bf5700", "#2da44e", "#8250df", "#cf222e", "#57606a"];

/// Draws revisions, newest first, with a line from each to what it revises and a dashed one to what it depends on.
pub(crate) fn draw(graph: &Graph, newest_first: &[Index], entries: &[Entry]) -> String {
    let mut lanes = Lanes::default();
    let places: Vec<_> = newest_first.iter().map(|&index| lanes.place(index, graph.revises(index))).collect();
    let mut rows = vec![0; graph.len()];
    newest_first.iter().enumerate().for_each(|(row, &index)| rows[index] = row);
    let width =
        places.iter().flat_map(|place| place.parents.iter().chain([&place.lane])).max().map_or(0, |l| l + 1);
    let text_x = MARGIN + width * COLUMN;
    let texts: Vec<String> = entries.iter().map(label).collect();
    let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let (right, bottom) = (text_x + longest * LETTER + MARGIN, 2 * MARGIN + places.len() * ROW);

    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{right}\" height=\"{bottom}\" viewBox=\"0 0 {right} {bottom}\" \
         font-family=\"monospace\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    );
    for (row, (place, &index)) in places.iter().zip(newest_first).enumerate() {
        for (&parent, &lane) in graph.revises(index).iter().zip(&place.parents) {
            let end = rows[parent];
            let path = edge((place.lane, row), lane, (places[end].lane, end));
            let color = COLORS[lane % COLORS.len()];
            let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
        }
        for &below in graph.depends_on(index) {
            let end = rows[below];
            let path = edge((place.lane, row), place.lane, (places[end].lane, end));
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" fill=\"none\" stroke=\"#8c959f\" stroke-width=\"1.5\" stroke-dasharray=\"4 3\"/>"
            );
        }
    }
    for (row, (place, text)) in places.iter().zip(&texts).enumerate() {
        let color = COLORS[place.lane % COLORS.len()];
        let (x, y) = (x(place.lane), y(row));
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{RADIUS}\" fill=\"{color}\"/>");
        let _ =
            writeln!(svg, "<text x=\"{text_x}\" y=\"{}\" fill=\"#1f2328\">{}</text>", y + 4, escaped(text));
    }
    svg.push_str("</svg>\n");
    svg
}

fn x(lane: usize) -> usize {
    MARGIN + lane * COLUMN
}

fn y(row: usize) -> usize {
    MARGIN + ROW / 2 + row * ROW
}

/// The way from a revision to one below: into its column right under the revision, down, and out of it right above the
/// end.
fn edge((from, row): (usize, usize), lane: usize, (to, end): (usize, usize)) -> String {
    // Where the end is the next row there is room for one bend.
    let lane = if end == row + 1 { to } else { lane };
    let mut path = format!("M{} {}", x(from), y(row));
    if lane != from {
        path.push_str(&bend(lane, row + 1));
    }
    if to != lane {
        let _ = write!(path, " L{} {}{}", x(lane), y(end) - ROW, bend(to, end));
    } else {
        let _ = write!(path, " L{} {}", x(to), y(end));
    }
    path
}

/// From wherever the path is, a row above, into a column.
fn bend(lane: usize, row: usize) -> String {
    format!(" S{} {} {} {}", x(lane), y(row) - ROW / 2, x(lane), y(row))
}

fn label(entry: &Entry) -> String {
    let labels =
        if entry.labels.is_empty() { String::new() } else { format!(" ({})", entry.labels.join(", ")) };
    let head = if entry.head { " (head)" } else { "" };
    format!("{}{labels}{head} {}", entry.revision, entry.message)
}

fn escaped(text: &str) -> String {
    // Other characters below a space have no place in XML.
    let text: String = text.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_inside_of_its_element() {
        assert_eq!(escaped("a < b && \"c\"\u{1}</text>"), "a &lt; b &amp;&amp; &quot;c&quot;&lt;/text&gt;");
    }

    #[test]
    fn an_edge_in_one_column_is_straight() {
        assert_eq!(edge((0, 0), 0, (0, 3)), "M20 34 L20 118");
        assert_eq!(edge((1, 0), 2, (0, 1)), "M40 34 S20 48 20 62 L20 62");
        assert_eq!(edge((0, 0), 1, (1, 2)), "M20 34 S40 48 40 62 L40 90");
    }
}

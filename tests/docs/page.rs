//! Pages for users, and what of them can be tried.

use std::fs;
use std::ops::Range;

use embed_migrations_tests::project::workspace;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page, or the documentation in a source file.
pub(crate) struct Page {
    /// Its path in the repository
    pub(crate) name: String,
    pub(crate) blocks: Vec<Block>,
    /// What stands in backticks in the text
    pub(crate) spans: Vec<Span>,
}

/// A fenced block.
pub(crate) struct Block {
    pub(crate) line: usize,
    pub(crate) language: String,
    pub(crate) text: String,
    /// The file that it is, if the paragraph before says so: it ends with a colon, and this is the last path in it
    pub(crate) file: Option<String>,
}

/// A piece of the text in backticks.
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) text: String,
    /// The heading of the table's column that it stands in
    pub(crate) column: Option<String>,
}

/// The pages whose commands are run: README, docs and the examples' documentation.
pub(crate) fn pages() -> Vec<Page> {
    let mut names = vec!["README.md".to_owned()];
    names.extend(files("docs", "md"));
    names.extend(files("examples", "rs"));
    names.iter().map(|name| Page::read(name)).collect()
}

/// The files of a directory of the repository with an extension, sorted.
pub(crate) fn files(directory: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(workspace().join(directory)).expect("the directory can be read") {
        let entry = entry.expect("the directory can be read");
        let path = format!("{directory}/{}", entry.file_name().into_string().expect("names are text"));
        if entry.path().is_dir() {
            found.extend(files(&path, extension));
        } else if path.ends_with(&format!(".{extension}")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(workspace().join(name)).expect("the page can be read");
        let text = if name.ends_with(".rs") { documentation(&text) } else { text };
        Self::parse(name, &text)
    }

    fn parse(name: &str, text: &str) -> Self {
        let line = |range: &Range<usize>| text[..range.start].matches('\n').count() + 1;
        let mut page = Self { name: name.to_owned(), blocks: Vec::new(), spans: Vec::new() };
        // The paragraph that ended just now, its last path, the columns of the table, and where in it the parser is.
        let (mut paragraph, mut path) = (String::new(), None);
        let (mut columns, mut column, mut in_head) = (Vec::<String>::new(), 0, false);
        let mut block: Option<Block> = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    let file = path.take().filter(|_| paragraph.ends_with(':'));
                    let (line, language) = (line(&range), language.to_string());
                    block = Some(Block { line, language, text: String::new(), file });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Start(Tag::Paragraph | Tag::Heading { .. }) => {
                    paragraph.clear();
                    path = None;
                }
                Event::Start(Tag::Table(_)) => columns.clear(),
                Event::Start(Tag::TableHead) => (in_head, column) = (true, 0),
                Event::End(TagEnd::TableHead) => in_head = false,
                Event::Start(Tag::TableRow) => column = 0,
                Event::Start(Tag::TableCell) if in_head => columns.push(String::new()),
                Event::End(TagEnd::TableCell) => column += 1,
                Event::End(TagEnd::Table) => columns.clear(),
                Event::Text(more) => match &mut block {
                    Some(block) => block.text.push_str(&more),
                    None if in_head => columns.iter_mut().rev().take(1).for_each(|head| head.push_str(&more)),
                    None => paragraph.push_str(&more),
                },
                Event::Code(code) => {
                    if is_path(&code) {
                        path = Some(code.to_string());
                    }
                    if in_head {
                        columns.iter_mut().rev().take(1).for_each(|head| head.push_str(&code));
                    }
                    paragraph.push_str(&code);
                    let column = columns.get(column).cloned().filter(|_| !in_head);
                    page.spans.push(Span { line: line(&range), text: code.to_string(), column });
                }
                _ => {}
            }
        }
        page
    }

    /// Where a line is, as compilers write it.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.name)
    }
}

/// The documentation of a source file, on the lines where it stands.
fn documentation(source: &str) -> String {
    let line = |line: &str| {
        let line = line.trim_start();
        let text = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")).unwrap_or_default();
        text.strip_prefix(' ').unwrap_or(text).to_owned() + "\n"
    };
    source.lines().map(line).collect()
}

/// Whether it is the path of a file, not a pattern of one.
fn is_path(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    let extension = text.rsplit_once('.').map_or("", |(_, extension)| extension);
    is_plain && ["sql", "rs", "toml", "lock"].contains(&extension) && !text.starts_with('.')
}

//! Newick and the trees block of NEXUS, read into a [`Tree`] and written from one.
//!
//! Newick after Olsen's grammar (<https://phylipweb.github.io/phylip/newick_doc.html>). Where files in use differ from
//! it or from each other, this is what happens:
//!
//! - Text is UTF-8; a byte-order mark is skipped, other encodings are refused. Labels keep their characters as they
//!   stand: composed and decomposed accents differ, an underscore is an underscore, `#` is a character like others.
//! - A label is quoted with `'` or `"`; inside, that quote is written twice. An unquoted label ends at a blank or one
//!   of `()[]:;,`; a second word behind a blank, or a quote within, is refused.
//! - Comments `[...]`, annotations of BEAST and NHX among them, may stand between any two tokens, may nest, and are
//!   skipped. `[&U]` before the tree is noted: the tree is read as rooted at its outermost group all the same.
//! - Lines that begin with `#` before the tree are skipped and noted.
//! - A length is a decimal number, with or without exponent; `.5` and `5.` are numbers, while `nan`, `inf`, `0x10`,
//!   `1_000` and what exceeds the range of 64-bit floats are refused.
//! - A missing length is refused unless [`TreeOptions::missing_length`] gives one, a negative one unless
//!   [`TreeOptions::min_length`] raises it. The length above the root may be missing: it is 0.
//! - A second `:` field at one node is refused unless [`TreeOptions::length_field`] says which is the length: Rich
//!   Newick writes `:length:support`, other programs write `:support:length`, and nothing in the text tells which.
//! - Every tip has a name of its own. Labels of internal nodes are kept and need not be unique; nothing is read as
//!   support. Polytomies, single-child nodes, a single tip `(A:1);` and a tree of one node `A;` are legal.
//! - A missing `;` at the end of the text is accepted and noted, except for a tree of one node.
//! - One tree a text; anything but blanks and comments behind its `;` is refused.
//! - NEXUS is known by its first word, `#NEXUS`. The first tree of the TREES blocks is taken and the number of others
//!   noted; `translate` applies to tips; a block without END is accepted and noted; `UTREE` is noted like `[&U]`.

mod build;
mod nexus;
mod number;
mod scan;
mod write;
mod write_nexus;

pub use write::write;
pub use write_nexus::write_nexus;

use crate::error::{NewickError, NewickProblem, TextPosition};
use crate::problem::Tree;
use build::{Counts, build};
use nexus::{Translation, is_nexus};
use scan::Scanner;
use std::io::Read;
use std::path::Path;

/// How a tree text may be repaired; by default not at all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TreeOptions {
    /// Length for each branch without one, expected time units; `None` refuses such a tree.
    pub missing_length: Option<f64>,
    /// Length to which every shorter branch is raised, negative ones too; `None` refuses negative lengths.
    pub min_length: Option<f64>,
    /// Which of several `:` fields at a node is its length; `None` refuses a second field.
    pub length_field: Option<LengthField>,
}

/// Which of several `:` fields at a node is the branch length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthField {
    /// The first, as Rich Newick has it: `:length:support`.
    First,
    /// The last, as some tree builders write it: `:support:length`.
    Last,
}

impl LengthField {
    /// Returns the choice with this name.
    ///
    /// # Errors
    /// [`NewickError::LengthField`] for any name but `first` and `last`.
    pub fn parse(name: &str) -> Result<Self, NewickError> {
        match name {
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            _ => Err(NewickError::LengthField { found: name.to_owned() }),
        }
    }
}

impl TreeOptions {
    fn check(&self) -> Result<(), NewickError> {
        for (option, flag, value) in [
            ("missing_length", "--missing-length", self.missing_length),
            ("min_length", "--min-length", self.min_length),
        ] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err(NewickError::OptionValue { option, flag, value });
            }
        }
        Ok(())
    }
}

/// A tree as read, with a sentence on each thing that was repaired or left out.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedTree {
    /// The tree.
    pub tree: Tree,
    /// What the user should know about the reading.
    pub notes: Vec<String>,
}

/// The tree of a text, what was done to it, and notes on the rest of the text.
struct Reading {
    tree: Tree,
    counts: Counts,
    notes: Vec<String>,
    is_unrooted: bool,
}

/// Reads one tree from a Newick or NEXUS text.
///
/// Nodes are numbered in post-order and tips keep the order of the text. Time and memory are linear in the text,
/// whatever the shape of the tree. The module's list says what is accepted.
///
/// # Errors
/// [`NewickError::Text`] with line and column for text that breaks the format or its policies;
/// [`NewickError::OptionValue`] for an option that is no length.
///
/// # Examples
/// ```
/// use persiste_rust::io::newick::{TreeOptions, parse};
///
/// let tree = parse("((A:1,B:2)x:3,'it''s C':4);", &TreeOptions::default())?.tree;
/// assert_eq!(tree.tip_names().collect::<Vec<_>>(), ["A", "B", "it's C"]);
/// assert_eq!(tree.branch_lengths(), [1.0, 2.0, 3.0, 4.0, 0.0]);
/// # Ok::<(), persiste_rust::error::NewickError>(())
/// ```
pub fn parse(text: &str, options: &TreeOptions) -> Result<ParsedTree, NewickError> {
    options.check()?;
    if u32::try_from(text.len()).is_err() {
        return Err(NewickError::TooLarge);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Reading {
        tree,
        counts,
        mut notes,
        is_unrooted,
    } = if is_nexus(text) {
        nexus::read(text, *options)?
    } else {
        read_newick(text, *options)?
    };
    if is_unrooted {
        notes.push("the tree is marked as unrooted; it was read as rooted at its outermost group".to_owned());
    }
    add_notes(&mut notes, &counts, options);
    Ok(ParsedTree { tree, notes })
}

/// Reads one tree from a file, gzip-compressed or not.
///
/// # Errors
/// [`NewickError::File`] if the file cannot be read as text; [`NewickError::InFile`] with the file's path around
/// what [`parse`] finds wrong.
pub fn read(path: &Path, options: &TreeOptions) -> Result<ParsedTree, NewickError> {
    options.check()?;
    let file = crate::io::open(path)?;
    let in_file = |source| NewickError::InFile {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let mut bytes = Vec::new();
    let failed = |source| crate::error::FileError::Io {
        path: path.to_owned(),
        source,
    };
    // One byte more than is allowed shows that there is more, without reading all of it.
    file.take(1 << 32).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|error| in_file(not_utf8(error.as_bytes(), &error.utf8_error())))?;
    parse(&text, options).map_err(in_file)
}

fn not_utf8(bytes: &[u8], error: &std::str::Utf8Error) -> NewickError {
    let (valid, rest) = bytes.split_at(error.valid_up_to());
    let valid = String::from_utf8_lossy(valid);
    NewickError::Text {
        at: TextPosition::of(&valid, valid.len()),
        problem: NewickProblem::NotUtf8 {
            byte: rest.first().copied().unwrap_or_default(),
        },
    }
}

fn read_newick(text: &str, options: TreeOptions) -> Result<Reading, NewickError> {
    let mut scanner = Scanner::new(text);
    let mut notes = Vec::new();
    let n_skipped = skip_header_lines(&mut scanner);
    if n_skipped > 0 {
        let lines = counted(n_skipped, "line that begins", "lines that begin");
        notes.push(format!("{lines} with '#' before the tree were skipped"));
    }
    let is_unrooted = is_marked_unrooted(&mut scanner)?;
    let (tree, counts) = build(&mut scanner, &mut Translation::default(), options)?;
    scanner.skip_blanks()?;
    match scanner.peek() {
        None => {}
        Some(b'(') => return Err(scanner.error(scanner.at, NewickProblem::SecondTree)),
        Some(_) => {
            let found = scanner.found();
            return Err(scanner.error(scanner.at, NewickProblem::TextAfterTree { found }));
        }
    }
    Ok(Reading {
        tree,
        counts,
        notes,
        is_unrooted,
    })
}

/// Steps over blank lines and lines that begin with `#`, and returns the number of the latter.
fn skip_header_lines(scanner: &mut Scanner<'_>) -> usize {
    let mut n_skipped = 0;
    loop {
        let rest = &scanner.text[scanner.at..];
        let line = rest.trim_ascii_start();
        if !line.starts_with('#') {
            return n_skipped;
        }
        n_skipped += 1;
        let length = memchr::memchr2(b'\n', b'\r', line.as_bytes()).unwrap_or(line.len());
        scanner.at = scanner.text.len() - line.len() + length;
    }
}

/// Steps to the tree, and returns whether a comment before it says `[&U]`.
fn is_marked_unrooted(scanner: &mut Scanner<'_>) -> Result<bool, NewickError> {
    let start = scanner.at;
    scanner.skip_blanks()?;
    let skipped = &scanner.text.as_bytes()[start..scanner.at];
    Ok(skipped.windows(4).any(|window| window.eq_ignore_ascii_case(b"[&u]")))
}

fn add_notes(notes: &mut Vec<String>, counts: &Counts, options: &TreeOptions) {
    if let (Some(length), 1..) = (options.missing_length, counts.given) {
        let branches = counted(
            counts.given,
            "branch without a length was",
            "branches without a length were",
        );
        notes.push(format!("{branches} given {length} (--missing-length)"));
    }
    if let (Some(length), 1..) = (options.min_length, counts.raised) {
        let branches = counted(counts.raised, "branch was", "branches were");
        let negative = match counts.negative {
            0 => String::new(),
            count => format!(", {count} of negative length"),
        };
        notes.push(format!("{branches} raised to length {length}{negative} (--min-length)"));
    }
    if let (Some(field), 1..) = (options.length_field, counts.many_fields) {
        let nodes = counted(counts.many_fields, "node has", "nodes have");
        let which = if field == LengthField::First { "first" } else { "last" };
        notes.push(format!(
            "{nodes} several ':' fields, of which the {which} was taken as length (--length-field)"
        ));
    }
    if counts.unterminated {
        notes.push("the tree does not end with ';'".to_owned());
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

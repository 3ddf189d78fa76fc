//! What can be wrong with a Newick text, or with the trees block of a NEXUS text.

use super::{FileError, TreeError};
use std::fmt;
use std::path::PathBuf;

/// A tree file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NewickError {
    /// The file cannot be read as text.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is wrong with the text of one file.
    #[error("'{}', {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<NewickError>,
    },
    /// An option whose value is no length.
    #[error("option {option} ({flag}) is {value}; allowed are finite numbers of 0 or more")]
    OptionValue {
        /// The option's name.
        option: &'static str,
        /// Its name on the command line.
        flag: &'static str,
        /// The value given.
        value: f64,
    },
    /// A choice of field that does not exist.
    #[error("option length_field (--length-field) is '{found}'; allowed are first and last")]
    LengthField {
        /// The value given.
        found: String,
    },
    /// More text than 32-bit positions can address.
    #[error("the tree text is larger than 4 GiB")]
    TooLarge,
    /// A place in the text that breaks the format.
    #[error("{at}: {problem}")]
    Text {
        /// Where.
        at: TextPosition,
        /// What is wrong there.
        problem: NewickProblem,
    },
    /// The tree breaks a promise of [`Tree`](crate::problem::Tree).
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// A place in a text: line and column, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPosition {
    /// Line, from 1; a line ends with LF, CRLF or CR.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
}

impl TextPosition {
    /// Returns the position of the byte at `offset`; an offset inside a character is that character's.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let mut position = Self { line: 1, column: 1 };
        let mut characters = text.char_indices().peekable();
        while let Some((start, character)) = characters.next() {
            let next = characters.peek().copied();
            if next.map_or(text.len(), |(next_start, _)| next_start) > offset || start >= offset {
                break;
            }
            let ends_line = match character {
                '\n' => true,
                '\r' => next.is_none_or(|(_, following)| following != '\n'),
                _ => false,
            };
            if ends_line {
                position = Self {
                    line: position.line + 1,
                    column: 1,
                };
            } else {
                position.column += 1;
            }
        }
        position
    }
}

impl fmt::Display for TextPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong at one place of a Newick or NEXUS text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NewickProblem {
    /// A byte that is not UTF-8.
    #[error("the text is not UTF-8 (byte 0x{byte:02x}); convert it to UTF-8 (for example with iconv)")]
    NotUtf8 {
        /// The first byte that does not fit.
        byte: u8,
    },
    /// No tree in the text.
    #[error("found {found}, expected a tree that begins with '('")]
    NoTree {
        /// What stands there.
        found: String,
    },
    /// Something that may not stand here.
    #[error("found {found}, expected {allowed}")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A comment without an end.
    #[error("the comment that begins here has no ']'")]
    UnterminatedComment,
    /// A quoted label without an end.
    #[error("the quoted label that begins here has no closing {quote} (a quote inside a label is written twice)")]
    UnterminatedQuote {
        /// The kind of quote.
        quote: char,
    },
    /// Groups still open at the end of the tree.
    #[error("found {found} while {open} '(' still lack their ')', the last of them at {opened}")]
    UnclosedGroup {
        /// What stands there.
        found: String,
        /// Number of open groups.
        open: usize,
        /// Where the innermost of them begins.
        opened: TextPosition,
    },
    /// A `)` too many.
    #[error("this ')' has no '('")]
    UnopenedGroup,
    /// `()`.
    #[error("the group '()' is empty; a group holds at least one tip")]
    EmptyGroup,
    /// A tip without a label.
    #[error("found {found}, expected the label of a tip or '('; every tip needs a name")]
    UnnamedTip {
        /// What stands there.
        found: String,
    },
    /// A blank inside a label.
    #[error(
        "found '{}' after the label '{}' and a blank; put a label with blanks in quotes: '{} {}'",
        excerpt(next),
        excerpt(label),
        excerpt(label),
        excerpt(next)
    )]
    BlankInLabel {
        /// The label's beginning.
        label: String,
        /// What follows the blank.
        next: String,
    },
    /// A quote inside an unquoted label.
    #[error(
        "quote inside the label '{}'; put the whole label in quotes ('...') and double each quote inside",
        excerpt(label)
    )]
    QuoteInLabel {
        /// The label up to the quote.
        label: String,
    },
    /// A `:` with nothing behind it.
    #[error("found {found} after ':', expected a branch length such as 0.05 or 1e-3")]
    NoNumber {
        /// What stands there.
        found: String,
    },
    /// A length that is no decimal number.
    #[error(
        "branch length '{}' is not a number; allowed are decimal numbers such as 0.05 or 1e-3",
        excerpt(found)
    )]
    NotANumber {
        /// What stands there.
        found: String,
    },
    /// A length beyond the range of 64-bit floating point.
    #[error("branch length '{}' is too large; allowed are lengths up to 1.7e308", excerpt(found))]
    Overflow {
        /// What stands there.
        found: String,
    },
    /// Two fields where one length belongs.
    #[error(
        "a second ':' at one node; some programs write ':length:support' and others ':support:length'; \
         allowed is the length alone, unless option length_field (--length-field first or last) says which it is"
    )]
    SecondField,
    /// No length, and no option that gives one.
    #[error(
        "the branch above {} has no length; option missing_length (--missing-length) gives one to each such branch",
        branch(node)
    )]
    MissingLength {
        /// The label of the node below; empty if it has none.
        node: String,
    },
    /// A length below zero, and no option that allows it.
    #[error(
        "the branch above {} has length {length}; allowed are lengths of 0 or more; \
         option min_length (--min-length) raises every shorter length",
        branch(node)
    )]
    NegativeLength {
        /// The label of the node below; empty if it has none.
        node: String,
        /// The length.
        length: f64,
    },
    /// Two tips of one name.
    #[error("tip name '{}' occurs a second time; the first is at {first}", excerpt(name))]
    DuplicateTip {
        /// The name.
        name: String,
        /// Where it stands first.
        first: TextPosition,
    },
    /// More than one tree in a Newick text.
    #[error("a second tree begins here; a Newick file may hold one tree")]
    SecondTree,
    /// Text behind the tree.
    #[error("found {found} after the tree's ';'; allowed are blanks and comments in []")]
    TextAfterTree {
        /// What stands there.
        found: String,
    },
    /// A NEXUS text without a tree.
    #[error("the NEXUS text ends without a TREE or UTREE command in a TREES block")]
    NoNexusTree,
    /// A translate command that gives one key twice.
    #[error("key '{}' occurs a second time in the translate command", excerpt(key))]
    TranslateTwice {
        /// The key.
        key: String,
    },
}

fn branch(node: &str) -> String {
    if node.is_empty() {
        "an unnamed node".to_owned()
    } else {
        format!("'{}'", excerpt(node))
    }
}

/// Returns text as a message shows it: control characters escaped, and cut after 60 characters.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == SHOWN {
            shown.push_str("...");
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_of_every_ending_and_columns_in_characters() {
        let text = "a\r\nb\rcé\ndé(";
        let at = |offset| TextPosition::of(text, offset);
        let position = |line, column| TextPosition { line, column };
        assert_eq!(at(0), position(1, 1));
        assert_eq!(at(3), position(2, 1), "after CRLF");
        assert_eq!(at(5), position(3, 1), "after CR alone");
        assert_eq!(at(7), position(3, 2), "inside a character");
        assert_eq!(at(9), position(4, 1), "after LF");
        assert_eq!(at(12), position(4, 3), "after a two-byte character");
        assert_eq!(at(text.len()), position(4, 4), "end of text");
    }

    #[test]
    fn excerpts_are_short_and_free_of_control_characters() {
        assert_eq!(excerpt("a\0b\n"), "a\\u{0}b\\n");
        assert_eq!(excerpt(&"x".repeat(100_000)).len(), 63);
    }
}

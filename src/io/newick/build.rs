//! From tokens to the arrays of a tree, without recursion: nodes come out of the text in post-order.

use super::nexus::Translation;
use super::scan::Scanner;
use super::{LengthField, TreeOptions};
use crate::error::{NewickError, NewickProblem, TextPosition, TreeError};
use crate::problem::{Names, PostOrder, Tree};

const AFTER_NODE: &str = "',' or ')' or ':' and a length";
const AFTER_ROOT: &str = "';'";

/// How often something happened that the user is told about.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) given: usize,
    pub(super) raised: usize,
    pub(super) negative: usize,
    pub(super) many_fields: usize,
    pub(super) unterminated: bool,
}

/// A `(` whose `)` has not come yet.
struct Group {
    /// Where it stands.
    at: u32,
    /// How many subtrees waited for a parent when it came.
    n_waiting: u32,
}

struct Builder<'s, 'a> {
    scanner: &'s mut Scanner<'a>,
    translation: &'s mut Translation<'a>,
    options: TreeOptions,
    nodes: PostOrder,
    length: Vec<f64>,
    names: Names,
    open: Vec<Group>,
    /// Where the label of each tip stands.
    tip_at: Vec<u32>,
    counts: Counts,
}

/// Reads one tree up to and including its `;`, or to the end of the text.
pub(super) fn build<'a>(
    scanner: &mut Scanner<'a>,
    translation: &mut Translation<'a>,
    options: TreeOptions,
) -> Result<(Tree, Counts), NewickError> {
    let room = likely_n_nodes(&scanner.text.as_bytes()[scanner.at..]);
    let mut builder = Builder {
        scanner,
        translation,
        options,
        nodes: PostOrder::with_capacity(room),
        length: Vec::with_capacity(room),
        names: Names::with_capacity(room, 8 * room),
        open: Vec::new(),
        tip_at: Vec::new(),
        counts: Counts::default(),
    };
    builder.read()?;
    builder.finish()
}

/// Returns how many nodes to make room for: exact but for quoted labels and comments, and bounded, so that no text
/// reserves much more than its tree needs.
fn likely_n_nodes(text: &[u8]) -> usize {
    const MOST: usize = 1 << 24;
    let tree = &text[..memchr::memchr(b';', text).unwrap_or(text.len())];
    let count = |byte| memchr::memchr_iter(byte, tree).count();
    (count(b',') + count(b')') + 1).min(MOST)
}

impl Builder<'_, '_> {
    fn read(&mut self) -> Result<(), NewickError> {
        loop {
            self.scanner.skip_blanks()?;
            if self.scanner.peek() == Some(b'(') {
                self.open.push(Group {
                    at: self.scanner.at as u32,
                    n_waiting: self.nodes.waiting().len() as u32,
                });
                self.scanner.at += 1;
                continue;
            }
            self.tip()?;
            loop {
                match self.scanner.peek() {
                    Some(b',') if !self.open.is_empty() => {
                        self.scanner.at += 1;
                        break;
                    }
                    Some(b')') => self.close_group()?,
                    None | Some(b';') => return self.end(),
                    _ if self.open.is_empty() => return Err(self.scanner.unexpected(AFTER_ROOT)),
                    _ => return Err(self.scanner.unexpected(AFTER_NODE)),
                }
            }
        }
    }

    #[inline]
    fn tip(&mut self) -> Result<(), NewickError> {
        let start = self.scanner.at;
        let label = match self.scanner.label()? {
            Some(label) if !label.is_empty() => label,
            _ => return Err(self.no_tip(start)),
        };
        self.tip_at.push(start as u32);
        let n_waiting = self.nodes.waiting().len();
        let first_use = self.translation.first_use(&label, start);
        let Some(name) = first_use.map_err(|(name, first)| self.duplicate(start, name, first))? else {
            return self.node(n_waiting, &label, start);
        };
        self.node(n_waiting, &name, start)
    }

    #[inline]
    fn close_group(&mut self) -> Result<(), NewickError> {
        let Some(group) = self.open.pop() else {
            return Err(self.scanner.error(self.scanner.at, NewickProblem::UnopenedGroup));
        };
        self.scanner.at += 1;
        self.scanner.skip_blanks()?;
        let start = self.scanner.at;
        let label = self.scanner.label()?.unwrap_or_default();
        self.node(group.n_waiting as usize, &label, start)
    }

    /// Adds the parent of `nodes.waiting()[first_child..]`, whose label has just been read, with the length behind it.
    #[inline]
    fn node(&mut self, first_child: usize, name: &str, start: usize) -> Result<(), NewickError> {
        self.scanner.skip_blanks()?;
        self.scanner.expect_label_end(name)?;
        let length = self.length_above(name, start)?;
        self.nodes.add_node(first_child);
        self.length.push(length);
        self.names.push(name);
        Ok(())
    }

    #[inline]
    fn length_above(&mut self, name: &str, start: usize) -> Result<f64, NewickError> {
        let is_root = self.open.is_empty();
        if !self.scanner.take(b':') {
            return match self.options.missing_length {
                _ if is_root => Ok(0.0),
                Some(length) => {
                    self.counts.given += 1;
                    Ok(self.raised(length))
                }
                None => Err(self.no_length(name, start)),
            };
        }
        self.scanner.skip_blanks()?;
        let (mut at, mut length) = (self.scanner.at, self.scanner.number()?);
        self.scanner.skip_blanks()?;
        if self.scanner.peek() == Some(b':') {
            (at, length) = self.length_among_fields(at, length)?;
        }
        if length < 0.0 && self.options.min_length.is_none() {
            let node = name.to_owned();
            return Err(self.scanner.error(at, NewickProblem::NegativeLength { node, length }));
        }
        Ok(self.raised(length))
    }

    /// Reads the fields behind the first, and returns the one that the options call the length, and where it stands.
    #[cold]
    fn length_among_fields(&mut self, first_at: usize, first: f64) -> Result<(usize, f64), NewickError> {
        let Some(which) = self.options.length_field else {
            return Err(self.scanner.error(self.scanner.at, NewickProblem::SecondField));
        };
        let (mut last_at, mut last) = (first_at, first);
        while self.scanner.take(b':') {
            self.scanner.skip_blanks()?;
            (last_at, last) = (self.scanner.at, self.scanner.number()?);
            self.scanner.skip_blanks()?;
        }
        self.counts.many_fields += 1;
        Ok(match which {
            LengthField::First => (first_at, first),
            LengthField::Last => (last_at, last),
        })
    }

    /// Returns the length, or the least length allowed where it is shorter.
    #[inline]
    fn raised(&mut self, length: f64) -> f64 {
        match self.options.min_length {
            Some(least) if length < least => {
                self.counts.raised += 1;
                self.counts.negative += usize::from(length < 0.0);
                least
            }
            // Turns -0 into 0.
            _ => length + 0.0,
        }
    }

    /// Steps over the end of the tree.
    fn end(&mut self) -> Result<(), NewickError> {
        if let Some(group) = self.open.last() {
            return Err(self.unclosed(group.at as usize));
        }
        if !self.scanner.take(b';') {
            if self.nodes.n_nodes() == 1 {
                // A word alone is a tree of one node, but only its ';' tells it from any other text.
                return Err(self.scanner.unexpected(AFTER_ROOT));
            }
            self.counts.unterminated = true;
        }
        Ok(())
    }

    #[cold]
    fn no_length(&self, name: &str, start: usize) -> NewickError {
        match (self.scanner.peek(), self.open.last()) {
            (Some(b',' | b')'), _) => {
                let node = name.to_owned();
                self.scanner.error(start, NewickProblem::MissingLength { node })
            }
            (None | Some(b';'), Some(group)) => self.unclosed(group.at as usize),
            _ => self.scanner.unexpected(AFTER_NODE),
        }
    }

    #[cold]
    fn no_tip(&self, start: usize) -> NewickError {
        let here = Scanner {
            at: start,
            ..*self.scanner
        };
        let opened = self.open.last().map(|group| group.at as usize);
        let problem = match here.peek() {
            None | Some(b';') => match opened {
                Some(opened) => return self.unclosed(opened),
                None => NewickProblem::NoTree { found: here.found() },
            },
            Some(b')') => match opened {
                Some(_) if self.follows_open() => NewickProblem::EmptyGroup,
                Some(_) => NewickProblem::UnnamedTip { found: here.found() },
                None => NewickProblem::UnopenedGroup,
            },
            _ if opened.is_none() => NewickProblem::NoTree { found: here.found() },
            _ => NewickProblem::UnnamedTip { found: here.found() },
        };
        here.error(start, problem)
    }

    /// Returns whether nothing but blanks stands between the present position and the last `(`.
    fn follows_open(&self) -> bool {
        let n_waiting = self.nodes.waiting().len();
        let group = self.open.last();
        // A group that holds a subtree is past a ',' here.
        group.is_some_and(|group| group.n_waiting as usize == n_waiting)
    }

    #[cold]
    fn unclosed(&self, opened: usize) -> NewickError {
        let problem = NewickProblem::UnclosedGroup {
            found: self.scanner.found(),
            open: self.open.len(),
            opened: TextPosition::of(self.scanner.text, opened),
        };
        self.scanner.error(self.scanner.at, problem)
    }

    #[cold]
    fn duplicate(&self, at: usize, name: String, first: usize) -> NewickError {
        let first = TextPosition::of(self.scanner.text, first);
        self.scanner.error(at, NewickProblem::DuplicateTip { name, first })
    }

    fn finish(self) -> Result<(Tree, Counts), NewickError> {
        let Self {
            scanner,
            translation,
            nodes,
            length,
            names,
            tip_at,
            counts,
            ..
        } = self;
        match Tree::from_post_order(nodes, length, names) {
            Ok(tree) => Ok((tree, counts)),
            Err(TreeError::DuplicateTip { name }) => Err(duplicate_tip(scanner, translation, &tip_at, name)),
            Err(other) => Err(other.into()),
        }
    }
}

/// Finds the places of the two tips of one name again.
#[cold]
fn duplicate_tip(scanner: &Scanner<'_>, translation: &Translation<'_>, tip_at: &[u32], name: String) -> NewickError {
    let is_named = |&&at: &&u32| {
        let mut here = Scanner {
            at: at as usize,
            ..*scanner
        };
        matches!(here.label(), Ok(Some(label)) if translation.name_of(&label) == name)
    };
    let mut places = tip_at.iter().filter(is_named).map(|&at| at as usize);
    match (places.next(), places.next()) {
        (Some(first), Some(second)) => {
            let first = TextPosition::of(scanner.text, first);
            scanner.error(second, NewickProblem::DuplicateTip { name, first })
        }
        _ => TreeError::DuplicateTip { name }.into(),
    }
}

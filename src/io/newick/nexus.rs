//! NEXUS: finding the first tree of the TREES blocks, and the labels its tips stand for.
//!
//! Maddison, Swofford and Maddison 1997, doi:10.1093/sysbio/46.4.590. Words of the format are read in any case; other
//! blocks and commands are skipped, with their quotes and comments understood.

use super::build::{Counts, build};
use super::scan::Scanner;
use super::{Reading, TreeOptions, counted, is_marked_unrooted};
use crate::error::{NewickError, NewickProblem};
use crate::problem::Tree;
use std::borrow::Cow;
use std::collections::HashMap;

/// Returns whether a text declares itself as NEXUS.
pub(super) fn is_nexus(text: &str) -> bool {
    let text = text.trim_ascii_start().as_bytes();
    text.len() >= 6 && text[..6].eq_ignore_ascii_case(b"#NEXUS")
}

/// What the keys of a translate command stand for; empty for plain Newick.
#[derive(Debug, Default)]
pub(super) struct Translation<'a> {
    labels: HashMap<Cow<'a, str>, Translated<'a>>,
}

#[derive(Debug)]
struct Translated<'a> {
    label: Cow<'a, str>,
    used_at: Option<usize>,
}

impl<'a> Translation<'a> {
    /// Returns the name that a tip label at `at` stands for if the label is a key; the name and the earlier place
    /// if the key was used before.
    ///
    /// The second use is refused here, not when the tree is checked, so that the names never outgrow the text.
    #[inline]
    pub(super) fn first_use(&mut self, key: &str, at: usize) -> Result<Option<Cow<'a, str>>, (String, usize)> {
        if self.labels.is_empty() {
            return Ok(None);
        }
        match self.labels.get_mut(key) {
            None => Ok(None),
            Some(entry) => match entry.used_at.replace(at) {
                None => Ok(Some(entry.label.clone())),
                Some(first) => Err((entry.label.clone().into_owned(), first)),
            },
        }
    }

    /// Returns the name that a tip label stands for: what it is a key of, or itself.
    pub(super) fn name_of<'k>(&'k self, label: &'k str) -> &'k str {
        self.labels.get(label).map_or(label, |entry| &entry.label)
    }
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    options: TreeOptions,
    translation: Translation<'a>,
    tree: Option<(Tree, Counts)>,
    notes: Vec<String>,
    n_trees: usize,
    is_unrooted: bool,
}

/// Reads the first tree of a NEXUS text.
pub(super) fn read(text: &str, options: TreeOptions) -> Result<Reading, NewickError> {
    let mut scanner = Scanner::new(text);
    scanner.at = text.len() - text.trim_ascii_start().len() + "#NEXUS".len();
    let mut reader = Reader {
        scanner,
        options,
        translation: Translation::default(),
        tree: None,
        notes: Vec::new(),
        n_trees: 0,
        is_unrooted: false,
    };
    reader.blocks()?;
    let Some((tree, counts)) = reader.tree else {
        return Err(reader.scanner.error(text.len(), NewickProblem::NoNexusTree));
    };
    if reader.n_trees > 1 {
        let others = counted(reader.n_trees - 1, "tree", "trees");
        reader
            .notes
            .push(format!("the first tree was taken and {others} behind it left out"));
    }
    Ok(Reading {
        tree,
        counts,
        notes: reader.notes,
        is_unrooted: reader.is_unrooted,
    })
}

impl<'a> Reader<'a> {
    fn blocks(&mut self) -> Result<(), NewickError> {
        loop {
            self.scanner.skip_blanks()?;
            if self.scanner.peek().is_none() {
                return Ok(());
            }
            let start = self.scanner.at;
            if !self.word()?.eq_ignore_ascii_case("begin") {
                self.scanner.at = start;
                return Err(self.scanner.unexpected("BEGIN and the name of a block"));
            }
            self.scanner.skip_blanks()?;
            let is_trees = self.word()?.eq_ignore_ascii_case("trees");
            self.expect(b';', "';' after the name of a block")?;
            self.block(is_trees)?;
        }
    }

    /// Reads the commands of a block up to its END.
    fn block(&mut self, is_trees: bool) -> Result<(), NewickError> {
        loop {
            self.scanner.skip_blanks()?;
            if self.scanner.peek().is_none() {
                if is_trees {
                    self.notes.push("the trees block has no END".to_owned());
                }
                return Ok(());
            }
            let command = self.word()?.to_ascii_lowercase();
            match command.as_ref() {
                "end" | "endblock" => return self.skip_command(),
                "translate" if is_trees && self.tree.is_none() => self.translate()?,
                "tree" | "utree" if is_trees => {
                    self.n_trees += 1;
                    if self.tree.is_none() {
                        self.is_unrooted = command == "utree";
                        self.read_tree()?;
                    } else {
                        self.skip_command()?;
                    }
                }
                _ => self.skip_command()?,
            }
        }
    }

    /// Reads `[*] name = tree ;`.
    fn read_tree(&mut self) -> Result<(), NewickError> {
        self.scanner.skip_blanks()?;
        self.scanner.take(b'*');
        self.scanner.skip_blanks()?;
        if self.word()?.is_empty() {
            return Err(self.scanner.unexpected("the name of the tree"));
        }
        self.expect(b'=', "'=' after the name of the tree")?;
        self.is_unrooted |= is_marked_unrooted(&mut self.scanner)?;
        self.tree = Some(build(&mut self.scanner, &mut self.translation, self.options)?);
        Ok(())
    }

    /// Reads `key label, key label ... ;`.
    fn translate(&mut self) -> Result<(), NewickError> {
        loop {
            self.scanner.skip_blanks()?;
            if self.scanner.take(b';') {
                return Ok(());
            }
            let at = self.scanner.at;
            let key = self.translate_label("a key of the translate command or ';'")?;
            self.scanner.skip_blanks()?;
            let label = self.translate_label("the label that the key stands for")?;
            self.scanner.skip_blanks()?;
            self.scanner.expect_label_end(&label)?;
            let entry = Translated { label, used_at: None };
            if self.translation.labels.insert(key.clone(), entry).is_some() {
                let key = key.into_owned();
                return Err(self.scanner.error(at, NewickProblem::TranslateTwice { key }));
            }
            if !self.scanner.take(b',') && self.scanner.peek() != Some(b';') {
                return Err(self.scanner.unexpected("',' or ';' in the translate command"));
            }
        }
    }

    fn translate_label(&mut self, allowed: &'static str) -> Result<Cow<'a, str>, NewickError> {
        match self.scanner.label()? {
            Some(label) if !label.is_empty() => Ok(label),
            _ => Err(self.scanner.unexpected(allowed)),
        }
    }

    /// Reads a word of NEXUS, which ends at `=` and `*` too; empty if none begins here.
    fn word(&mut self) -> Result<Cow<'a, str>, NewickError> {
        let start = self.scanner.at;
        if matches!(self.scanner.peek(), Some(b'\'' | b'"')) {
            return Ok(self.scanner.label()?.unwrap_or_default());
        }
        let rest = &self.scanner.text[start..];
        let ends_word = |byte: u8| byte.is_ascii_whitespace() || b"()[]{};:,='\"*\x0b".contains(&byte);
        let length = rest.bytes().position(ends_word).unwrap_or(rest.len());
        self.scanner.at += length;
        Ok(Cow::Borrowed(&rest[..length]))
    }

    fn expect(&mut self, byte: u8, allowed: &'static str) -> Result<(), NewickError> {
        self.scanner.skip_blanks()?;
        if self.scanner.take(byte) {
            Ok(())
        } else {
            Err(self.scanner.unexpected(allowed))
        }
    }

    /// Steps over the rest of a command and its `;`.
    fn skip_command(&mut self) -> Result<(), NewickError> {
        loop {
            let rest = &self.scanner.text.as_bytes()[self.scanner.at..];
            let Some(length) = rest.iter().position(|byte| b";['".contains(byte)) else {
                self.scanner.at += rest.len();
                return Ok(());
            };
            self.scanner.at += length;
            match rest[length] {
                b'[' => self.scanner.skip_blanks()?,
                b'\'' => {
                    self.scanner.label()?;
                }
                _ => {
                    self.scanner.at += 1;
                    return Ok(());
                }
            }
        }
    }
}

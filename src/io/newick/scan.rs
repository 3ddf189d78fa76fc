//! Tokens of Newick and NEXUS: blanks, comments, labels, numbers.

use super::number::leading_number;
use crate::error::{NewickError, NewickProblem, TextPosition, excerpt};
use std::borrow::Cow;

/// What a byte may be part of outside quotes and comments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Label,
    Blank,
    Mark,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Label; 256];
    let blanks = b" \t\n\r\x0b\x0c";
    let mut index = 0;
    while index < blanks.len() {
        classes[blanks[index] as usize] = Class::Blank;
        index += 1;
    }
    let marks = b"()[]:;,'\"";
    index = 0;
    while index < marks.len() {
        classes[marks[index] as usize] = Class::Mark;
        index += 1;
    }
    classes
};

/// Returns whether a label must be quoted to be read back as it is.
pub(super) fn needs_quotes(label: &str) -> bool {
    label.bytes().any(|byte| CLASSES[byte as usize] != Class::Label)
}

/// A position in a text that moves from token to token.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the byte at the present position; `None` at the end.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `byte` if it stands here, and returns whether it did.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn class(&self) -> Option<Class> {
        self.peek().map(|byte| CLASSES[byte as usize])
    }

    /// Steps over blanks and comments.
    #[inline]
    pub(super) fn skip_blanks(&mut self) -> Result<(), NewickError> {
        loop {
            match self.peek() {
                Some(b'[') => self.skip_comment()?,
                Some(byte) if CLASSES[byte as usize] == Class::Blank => self.at += 1,
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), NewickError> {
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        for bracket in memchr::memchr2_iter(b'[', b']', &bytes[self.at..]) {
            if bytes[self.at + bracket] == b'[' {
                depth += 1;
            } else {
                depth -= 1;
                if depth == 0 {
                    self.at += bracket + 1;
                    return Ok(());
                }
            }
        }
        Err(self.error(self.at, NewickProblem::UnterminatedComment))
    }

    /// Reads the label that begins here, quoted or not; `None` if none does.
    #[inline]
    pub(super) fn label(&mut self) -> Result<Option<Cow<'a, str>>, NewickError> {
        match self.peek() {
            Some(quote @ (b'\'' | b'"')) => self.quoted_label(quote).map(Some),
            _ => self.unquoted_label(),
        }
    }

    #[inline]
    fn unquoted_label(&mut self) -> Result<Option<Cow<'a, str>>, NewickError> {
        let start = self.at;
        while self.class() == Some(Class::Label) {
            self.at += 1;
        }
        if self.at == start {
            return Ok(None);
        }
        let label = &self.text[start..self.at];
        if matches!(self.peek(), Some(b'\'' | b'"')) {
            let label = label.to_owned();
            return Err(self.error(self.at, NewickProblem::QuoteInLabel { label }));
        }
        Ok(Some(Cow::Borrowed(label)))
    }

    fn quoted_label(&mut self, quote: u8) -> Result<Cow<'a, str>, NewickError> {
        let opened = self.at;
        let mut start = opened + 1;
        let mut label = Cow::Borrowed("");
        loop {
            let Some(length) = memchr::memchr(quote, &self.text.as_bytes()[start..]) else {
                let quote = char::from(quote);
                return Err(self.error(opened, NewickProblem::UnterminatedQuote { quote }));
            };
            let end = start + length;
            let doubled = self.text.as_bytes().get(end + 1) == Some(&quote);
            let piece = &self.text[start..end + usize::from(doubled)];
            if label.is_empty() {
                label = Cow::Borrowed(piece);
            } else {
                label.to_mut().push_str(piece);
            }
            if !doubled {
                self.at = end + 1;
                return Ok(label);
            }
            start = end + 2;
        }
    }

    /// Fails with a message that tells to quote if another label follows the one just read.
    #[inline]
    pub(super) fn expect_label_end(&self, label: &str) -> Result<(), NewickError> {
        match self.peek() {
            Some(byte) if CLASSES[byte as usize] == Class::Label || byte == b'\'' || byte == b'"' => {
                let mut ahead = Self { ..*self };
                let next = ahead.label()?.unwrap_or_default().into_owned();
                let label = label.to_owned();
                Err(self.error(self.at, NewickProblem::BlankInLabel { label, next }))
            }
            _ => Ok(()),
        }
    }

    /// Reads the finite number that begins here.
    #[inline]
    pub(super) fn number(&mut self) -> Result<f64, NewickError> {
        let start = self.at;
        if let Some((value, taken)) = leading_number(&self.text[start..]) {
            self.at += taken;
            if self.class() != Some(Class::Label) && value.is_finite() {
                return Ok(value);
            }
        }
        Err(self.no_number(start))
    }

    #[cold]
    fn no_number(&mut self, start: usize) -> NewickError {
        self.at = start;
        let found = self.word();
        let problem = if found.is_empty() {
            NewickProblem::NoNumber { found: self.found() }
        } else if leading_number(&found).is_some_and(|(_, taken)| taken == found.len()) {
            NewickProblem::Overflow { found }
        } else {
            NewickProblem::NotANumber { found }
        };
        self.error(start, problem)
    }

    /// Returns the run of label bytes that begins here, for a message.
    fn word(&self) -> String {
        let rest = &self.text[self.at..];
        let end = rest.bytes().position(|byte| CLASSES[byte as usize] != Class::Label);
        rest[..end.unwrap_or(rest.len())].to_owned()
    }

    /// Returns what stands here, as messages call it.
    pub(super) fn found(&self) -> String {
        match self.text[self.at..].chars().next() {
            None => "the end of the text".to_owned(),
            Some('\'' | '"') => "a quoted label".to_owned(),
            Some(character) => match self.word() {
                word if word.is_empty() => format!("'{}'", excerpt(character.encode_utf8(&mut [0; 4]))),
                word => format!("'{}'", excerpt(&word)),
            },
        }
    }

    /// Returns the error "found this, expected `allowed`" for the present position.
    #[cold]
    pub(super) fn unexpected(&self, allowed: &'static str) -> NewickError {
        let found = self.found();
        self.error(self.at, NewickProblem::Unexpected { found, allowed })
    }

    #[cold]
    pub(super) fn error(&self, at: usize, problem: NewickProblem) -> NewickError {
        let at = TextPosition::of(self.text, at);
        NewickError::Text { at, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_labels_lose_their_quotes_and_halve_doubled_ones() {
        for (text, label) in [
            ("'it''s':1", "it's"),
            ("''''", "'"),
            ("''''''", "''"),
            ("'''a'", "'a"),
            ("'a'''", "a'"),
            ("'' ", ""),
            ("\"say \"\"hi\"\" it's\")", "say \"hi\" it's"),
            ("'a\"b'", "a\"b"),
        ] {
            assert_eq!(Scanner::new(text).label().unwrap().unwrap(), label, "{text}");
        }
    }

    #[test]
    fn labels_without_doubled_quotes_are_not_copied() {
        for text in ["abc:1", "'a b':1", "\"a b\""] {
            let label = Scanner::new(text).label().unwrap().unwrap();
            assert!(matches!(label, Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn comments_nest_and_end_where_their_brackets_balance() {
        let mut scanner = Scanner::new(" [a[b]c]\t[]x");
        scanner.skip_blanks().unwrap();
        assert_eq!(scanner.peek(), Some(b'x'));
    }
}

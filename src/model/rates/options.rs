//! The options of a rate model, by name.

use crate::error::ModelError;
use std::collections::BTreeMap;

/// The value of an option.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    /// One number.
    Number(f64),
    /// Several numbers.
    Numbers(Vec<f64>),
    /// A word.
    Word(String),
}

/// Options by name, taken one by one; what nobody took is an error.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    of: String,
    values: BTreeMap<String, OptionValue>,
}

impl Options {
    /// Returns the options of `of`, a model's name.
    pub fn new(of: &str, values: impl IntoIterator<Item = (String, OptionValue)>) -> Self {
        Self {
            of: of.to_owned(),
            values: values.into_iter().collect(),
        }
    }

    /// Takes a whole number from `smallest` to `largest`.
    ///
    /// # Errors
    /// [`ModelError::Setting`] if it is anything else.
    pub fn take_count(&mut self, name: &str, default: usize, allowed: (usize, usize)) -> Result<usize, ModelError> {
        let (smallest, largest) = allowed;
        match self.values.remove(name) {
            None => Ok(default),
            Some(OptionValue::Number(value))
                if value.fract() == 0.0 && (smallest as f64..=largest as f64).contains(&value) =>
            {
                Ok(value as usize)
            }
            Some(other) => Err(self.wrong(name, &other, format!("whole numbers from {smallest} to {largest}"))),
        }
    }

    /// Takes one of some words; the first is the default.
    ///
    /// # Errors
    /// [`ModelError::Setting`] if it is anything else.
    pub fn take_word(&mut self, name: &str, allowed: &[&'static str]) -> Result<&'static str, ModelError> {
        match self.values.remove(name) {
            None => Ok(allowed[0]),
            Some(OptionValue::Word(word)) if allowed.contains(&word.as_str()) => Ok(allowed
                .iter()
                .find(|known| **known == word)
                .copied()
                .unwrap_or(allowed[0])),
            Some(other) => Err(self.wrong(name, &other, allowed.join(", "))),
        }
    }

    /// Takes a list of numbers; one number is a list of one, and `None` means that it was not given.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a word.
    pub fn take_numbers(&mut self, name: &str) -> Result<Option<Vec<f64>>, ModelError> {
        match self.values.remove(name) {
            None => Ok(None),
            Some(OptionValue::Number(value)) => Ok(Some(vec![value])),
            Some(OptionValue::Numbers(values)) => Ok(Some(values)),
            Some(other) => Err(self.wrong(name, &other, "numbers".to_owned())),
        }
    }

    /// Checks that every option was taken.
    ///
    /// # Errors
    /// [`ModelError::UnknownOption`].
    pub fn finish(self, known: &[&'static str]) -> Result<(), ModelError> {
        match self.values.into_keys().next() {
            None => Ok(()),
            Some(found) => Err(ModelError::UnknownOption {
                of: self.of,
                found,
                known: known.to_vec(),
            }),
        }
    }

    /// Returns the error for an option with a value that cannot be.
    #[must_use]
    pub fn wrong(&self, name: &str, found: &OptionValue, allowed: String) -> ModelError {
        ModelError::Setting {
            of: self.of.clone(),
            name: name.to_owned(),
            found: match found {
                OptionValue::Number(value) => value.to_string(),
                OptionValue::Numbers(values) => format!("{values:?}"),
                OptionValue::Word(word) => format!("'{word}'"),
            },
            allowed,
        }
    }
}

//! Conditioning on how the table was filtered: the probability that a family could have been recorded.

use super::kinds::{self, Kinds};
use super::window;
use crate::error::ModelError;
use crate::kernel::Transition;
use crate::problem::{Counts, Tree};
use std::borrow::Cow;

/// Which families the makers of the table could record; probabilities are over the complete tip set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ascertainment {
    /// Every family, also one absent everywhere.
    None,
    /// Families present in at least one tip.
    Observed,
    /// Families present in at least one tip and absent from at least one.
    Variable,
    /// Families recorded as present in `lowest..=highest` tips.
    ///
    /// [`window`](Self::window) makes one that fits its tree. Bounds that do not are taken at their word: nothing is
    /// present in more tips than there are.
    Window {
        /// The least number of presences.
        lowest: usize,
        /// The greatest.
        highest: usize,
    },
}

const NAMED: [(&str, Ascertainment); 3] = [
    ("none", Ascertainment::None),
    ("observed", Ascertainment::Observed),
    ("variable", Ascertainment::Variable),
];

/// Returns the names of the ascertainments; a window has bounds instead.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|&(name, _)| name)
}

/// The log-probability of being recorded and its derivatives.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Natural log; minus infinity if no family can be recorded, and then the derivatives are NaN.
    pub log_probability: f64,
    /// With respect to each branch's `[P00, P01, P10, P11]`, `[n_nodes]`.
    pub transitions: Vec<Transition>,
    /// With respect to the root frequencies.
    pub root: [f64; 2],
    /// With respect to the probability that a tip is recorded as present given state 0 and 1, `[n_tips]`; empty if
    /// these were not given.
    pub tips: Vec<[f64; 2]>,
}

impl Ascertainment {
    /// Returns the ascertainment with this name.
    ///
    /// # Errors
    /// [`ModelError::UnknownName`].
    pub fn parse(name: &str) -> Result<Self, ModelError> {
        NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|&(_, ascertainment)| ascertainment)
            .ok_or_else(|| ModelError::UnknownName {
                what: "ascertainment",
                found: name.to_owned(),
                known: names().chain(["a window of two numbers of genomes"]).collect(),
            })
    }

    /// Returns the ascertainment of a table of families recorded as present in `lowest..=highest` of its genomes.
    ///
    /// Without `highest` there is no upper bound. A window that holds every number conditions on nothing, and is still
    /// called what it was called here.
    ///
    /// # Errors
    /// [`ModelError::Window`] unless `lowest <= highest <= n_tips`.
    ///
    /// ```
    /// use persiste_rust::model::Ascertainment;
    ///
    /// assert_eq!(Ascertainment::window(2, None, 40).unwrap().name(), "window 2-40");
    /// assert!(Ascertainment::window(3, Some(2), 40).is_err());
    /// ```
    pub fn window(lowest: usize, highest: Option<usize>, n_tips: usize) -> Result<Self, ModelError> {
        let highest = highest.unwrap_or(n_tips);
        if lowest > highest || highest > n_tips {
            return Err(ModelError::Window {
                lowest,
                highest,
                n_tips,
            });
        }
        Ok(Self::Window { lowest, highest })
    }

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        if let Self::Window { lowest, highest } = self {
            return format!("window {lowest}-{highest}").into();
        }
        NAMED
            .iter()
            .find(|&&(_, known)| known == self)
            .map_or("", |&(name, _)| name)
            .into()
    }

    /// Returns what a family must be to be recorded, in words.
    #[must_use]
    pub fn rule(self) -> Cow<'static, str> {
        match self {
            Self::None => "of any kind".into(),
            Self::Observed => "present in at least one genome".into(),
            Self::Variable => "present in at least one genome and absent from at least one".into(),
            Self::Window { lowest, highest } if lowest == highest => {
                let plural = if lowest == 1 { "" } else { "s" };
                format!("present in exactly {lowest} genome{plural}").into()
            }
            Self::Window { lowest, highest } => format!("present in {lowest} to {highest} genomes").into(),
        }
    }

    /// Returns the least and the greatest number of recorded presences over `n_tips` tips.
    ///
    /// The least is above the greatest for `variable` over a single tip, which nothing passes.
    #[must_use]
    pub fn presences(self, n_tips: usize) -> (usize, usize) {
        match self {
            Self::None => (0, n_tips),
            Self::Observed => (1, n_tips),
            Self::Variable => (1, n_tips - 1),
            Self::Window { lowest, highest } => (lowest, highest.min(n_tips)),
        }
    }

    /// Returns whether a family with these counts over `n_tips` tips can have been recorded.
    ///
    /// A missing cell is neither a presence nor an absence: `variable` asks for one recorded absence, and a window
    /// counts recorded presences alone. A family that its missing cells could bring into a window or out of it is
    /// judged by what was recorded.
    #[must_use]
    pub fn admits(self, counts: Counts, n_tips: usize) -> bool {
        let present = counts.present as usize;
        let absent = n_tips - present - counts.missing as usize;
        match self {
            Self::None => true,
            Self::Observed => present > 0,
            Self::Variable => present > 0 && absent > 0,
            Self::Window { lowest, highest } => (lowest..=highest).contains(&present),
        }
    }

    /// Returns the probability that a family is recorded, with its derivatives; `None` where every family is.
    ///
    /// `transitions` is `[n_nodes]`, the root's entry not read; `root` the frequencies of states 0 and 1; `tips`
    /// (`[n_tips]`, Newick order) the probability that a tip is recorded as present given its state 0 and 1 (without
    /// it, 0 and 1). Exact however small the probability is. O(n_tips); a window takes O(n_tips w), where w is the
    /// smallest of `lowest + n_tips - highest`, `highest + 1` and `n_tips - lowest + 1`.
    ///
    /// # Panics
    /// If `transitions` is not `[n_nodes]` or `tips` is not `[n_tips]`.
    ///
    /// # Source
    /// Felsenstein 1992, doi:10.1111/j.1558-5646.1992.tb01991.x (observed); Lewis 2001,
    /// doi:10.1080/106351501753462876 (variable).
    #[must_use]
    pub fn recorded(
        self,
        tree: &Tree,
        transitions: &[Transition],
        root: [f64; 2],
        tips: Option<&[[f64; 2]]>,
    ) -> Option<Recorded> {
        assert_eq!(transitions.len(), tree.n_nodes(), "one transition for each branch");
        assert!(
            tips.is_none_or(|tips| tips.len() == tree.n_tips()),
            "one pair for each tip"
        );
        let kinds = |all_present| Kinds {
            all_absent: 0.0,
            all_present,
            mixed: 1.0,
        };
        match self {
            Self::None => None,
            Self::Observed => Some(kinds::recorded(tree, kinds(1.0), transitions, root, tips)),
            Self::Variable => Some(kinds::recorded(tree, kinds(0.0), transitions, root, tips)),
            Self::Window { lowest, highest } if lowest == 0 && highest >= tree.n_tips() => None,
            Self::Window { lowest, highest } => {
                Some(window::recorded(tree, (lowest, highest), transitions, root, tips))
            }
        }
    }
}

//! Conditioning on how the table was filtered: the probability that a family could have been recorded.
//!
//! For each node and state the data that could arise below fall into three kinds: absent from every tip (a), present
//! in every tip (b), mixed (m), with a + b + m = 1. Independent children combine as `a a'`, `b b'` and
//! `m'' = m + (a + b) m' + a b' + b a'`: sums of positive terms, so that the probability of being recorded keeps all
//! its digits where `1 - P(not recorded)` would lose them.

use crate::error::ModelError;
use crate::kernel::Transition;
use crate::problem::{Counts, Tree};

/// Which families the makers of the table could record; probabilities are over the complete tip set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ascertainment {
    /// Every family, also one absent everywhere.
    None,
    /// Families present in at least one tip.
    Observed,
    /// Families present in at least one tip and absent from at least one.
    Variable,
}

const NAMED: [(&str, Ascertainment); 3] = [
    ("none", Ascertainment::None),
    ("observed", Ascertainment::Observed),
    ("variable", Ascertainment::Variable),
];

/// Returns the names of the ascertainments.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|&(name, _)| name)
}

/// Probabilities of the three kinds given the state above.
#[derive(Debug, Clone, Copy, Default)]
struct Kinds {
    all_absent: f64,
    all_present: f64,
    mixed: f64,
}

impl Kinds {
    const ABSENT_TIP: Self = Self {
        all_absent: 1.0,
        all_present: 0.0,
        mixed: 0.0,
    };
    const PRESENT_TIP: Self = Self {
        all_absent: 0.0,
        all_present: 1.0,
        mixed: 0.0,
    };

    fn times(self, other: Self) -> Self {
        Self {
            all_absent: self.all_absent * other.all_absent,
            all_present: self.all_present * other.all_present,
            mixed: self.mixed
                + (self.all_absent + self.all_present) * other.mixed
                + self.all_absent * other.all_present
                + self.all_present * other.all_absent,
        }
    }

    fn blend(weights: [f64; 2], states: [Self; 2]) -> Self {
        let of = |kind: fn(&Self) -> f64| weights[0] * kind(&states[0]) + weights[1] * kind(&states[1]);
        Self {
            all_absent: of(|kinds| kinds.all_absent),
            all_present: of(|kinds| kinds.all_present),
            mixed: of(|kinds| kinds.mixed),
        }
    }

    /// Returns the derivative with respect to `left` of a product, given that with respect to the product.
    fn times_adjoint(adjoint: Self, right: Self) -> Self {
        Self {
            all_absent: adjoint.all_absent * right.all_absent + adjoint.mixed * (right.mixed + right.all_present),
            all_present: adjoint.all_present * right.all_present + adjoint.mixed * (right.mixed + right.all_absent),
            mixed: adjoint.mixed * (right.all_absent + right.all_present + right.mixed),
        }
    }

    fn dot(self, other: Self) -> f64 {
        self.all_absent * other.all_absent + self.all_present * other.all_present + self.mixed * other.mixed
    }

    fn add_scaled(&mut self, factor: f64, other: Self) {
        self.all_absent += factor * other.all_absent;
        self.all_present += factor * other.all_present;
        self.mixed += factor * other.mixed;
    }
}

/// The log-probability of being recorded and its derivatives.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Natural log; minus infinity if no family can be recorded.
    pub log_probability: f64,
    /// With respect to each branch's `[P00, P01, P10, P11]`, `[n_nodes]`.
    pub transitions: Vec<Transition>,
    /// With respect to the root frequencies.
    pub root: [f64; 2],
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
                known: names().collect(),
            })
    }

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMED
            .iter()
            .find(|&&(_, known)| known == self)
            .map_or("", |&(name, _)| name)
    }

    /// Returns what a family must be to be recorded, in words.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::None => "of any kind",
            Self::Observed => "present in at least one genome",
            Self::Variable => "present in at least one genome and absent from at least one",
        }
    }

    /// Returns whether a family with these counts over `n_tips` tips can have been recorded.
    #[must_use]
    pub fn admits(self, counts: Counts, n_tips: usize) -> bool {
        let absent = n_tips - counts.present as usize - counts.missing as usize;
        match self {
            Self::None => true,
            Self::Observed => counts.present > 0,
            Self::Variable => counts.present > 0 && absent > 0,
        }
    }

    /// Returns the probability that a family is recorded, with its derivatives; `None` where every family is.
    ///
    /// `transitions` is `[n_nodes]`, the root's entry not read; `root` the frequencies of states 0 and 1.
    ///
    /// # Source
    /// Felsenstein 1992, doi:10.1111/j.1558-5646.1992.tb01991.x (observed); Lewis 2001,
    /// doi:10.1080/106351501753462876 (variable).
    #[must_use]
    pub fn recorded(self, tree: &Tree, transitions: &[Transition], root: [f64; 2]) -> Option<Recorded> {
        // The derivative of the probability with respect to the kinds at the root.
        let wanted = match self {
            Self::None => return None,
            Self::Observed => Kinds {
                all_absent: 0.0,
                all_present: 1.0,
                mixed: 1.0,
            },
            Self::Variable => Kinds {
                all_absent: 0.0,
                all_present: 0.0,
                mixed: 1.0,
            },
        };
        let states = kinds_below(tree, transitions);
        let at_root = states[tree.root()];
        let probability = Kinds::blend(root, at_root).dot(wanted);
        let by_root = [
            at_root[0].dot(wanted) / probability,
            at_root[1].dot(wanted) / probability,
        ];
        let mut adjoint = vec![[Kinds::default(); 2]; tree.n_nodes()];
        for (state, frequency) in root.into_iter().enumerate() {
            adjoint[tree.root()][state].add_scaled(frequency / probability, wanted);
        }
        Some(Recorded {
            log_probability: probability.ln(),
            transitions: spread(tree, transitions, &states, adjoint),
            root: by_root,
        })
    }
}

fn climb(transition: &Transition, states: [Kinds; 2]) -> [Kinds; 2] {
    let [p00, p01, p10, p11] = *transition;
    [Kinds::blend([p00, p01], states), Kinds::blend([p10, p11], states)]
}

/// Returns the kinds of data below each node, given each state of it.
fn kinds_below(tree: &Tree, transitions: &[Transition]) -> Vec<[Kinds; 2]> {
    let mut states = vec![[Kinds::ABSENT_TIP, Kinds::PRESENT_TIP]; tree.n_nodes()];
    for node in (0..tree.n_nodes()).filter(|&node| !tree.is_tip(node)) {
        let mut product: Option<[Kinds; 2]> = None;
        for &child in tree.children(node) {
            let above = climb(&transitions[child as usize], states[child as usize]);
            product = Some(product.map_or(above, |before| [before[0].times(above[0]), before[1].times(above[1])]));
        }
        states[node] = product.unwrap_or(states[node]);
    }
    states
}

/// Returns the derivatives with respect to the transitions, given those with respect to the root's kinds.
fn spread(
    tree: &Tree,
    transitions: &[Transition],
    states: &[[Kinds; 2]],
    mut adjoint: Vec<[Kinds; 2]>,
) -> Vec<Transition> {
    let mut derivative = vec![[0.0; 4]; tree.n_nodes()];
    let mut before: Vec<[Kinds; 2]> = Vec::new();
    for node in (0..tree.n_nodes()).rev() {
        let children = tree.children(node);
        before.clear();
        for &child in children {
            let above = climb(&transitions[child as usize], states[child as usize]);
            let next = before
                .last()
                .map_or(above, |last| [last[0].times(above[0]), last[1].times(above[1])]);
            before.push(next);
        }
        // Adjoint of the product of the children up to the present one.
        let mut product = adjoint[node];
        for (position, &child) in children.iter().enumerate().rev() {
            let child = child as usize;
            let above = climb(&transitions[child], states[child]);
            let own = if position == 0 {
                product
            } else {
                let left = before[position - 1];
                let own = [0, 1].map(|state| Kinds::times_adjoint(product[state], left[state]));
                product = [0, 1].map(|state| Kinds::times_adjoint(product[state], above[state]));
                own
            };
            for i in 0..2 {
                for j in 0..2 {
                    derivative[child][2 * i + j] = own[i].dot(states[child][j]);
                    adjoint[child][j].add_scaled(transitions[child][2 * i + j], own[i]);
                }
            }
        }
    }
    derivative
}

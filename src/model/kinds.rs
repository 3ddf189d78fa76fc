//! The probability of data that are absent from every tip, present in every tip, or mixed.
//!
//! For each node and state the data that could arise below fall into these three kinds (a, b, m), with a + b + m = 1.
//! Independent children combine as `a a'`, `b b'` and `m'' = m + (a + b) m' + a b' + b a'`: sums of positive terms, so
//! that the probability of being recorded keeps all its digits where `1 - P(not recorded)` would lose them. This is
//! what the tables of `window` come to for 1 to n and 1 to n - 1 presences, in a few operations a branch.

use super::ascertainment::Recorded;
use crate::kernel::Transition;
use crate::problem::Tree;

/// Probabilities of the three kinds given the state above.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kinds {
    pub(super) all_absent: f64,
    pub(super) all_present: f64,
    pub(super) mixed: f64,
}

impl Kinds {
    /// A tip that is recorded as present with this probability.
    const fn tip(present: f64) -> Self {
        Self {
            all_absent: 1.0 - present,
            all_present: present,
            mixed: 0.0,
        }
    }

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

/// Returns the probability of the kinds that weigh 1 in `wanted`, with its derivatives; arguments as for a window.
pub(super) fn recorded(
    tree: &Tree,
    wanted: Kinds,
    transitions: &[Transition],
    root: [f64; 2],
    tips: Option<&[[f64; 2]]>,
) -> Recorded {
    let states = kinds_below(tree, transitions, tips);
    let at_root = states[tree.root()];
    let probability = Kinds::blend(root, at_root).dot(wanted);
    let mut adjoint = vec![[Kinds::default(); 2]; tree.n_nodes()];
    for (state, frequency) in root.into_iter().enumerate() {
        adjoint[tree.root()][state].add_scaled(frequency / probability, wanted);
    }
    let by_transition = spread(tree, transitions, &states, &mut adjoint);
    let by_tip = |&node: &u32| adjoint[node as usize].map(|kinds| kinds.all_present - kinds.all_absent);
    Recorded {
        log_probability: probability.ln(),
        transitions: by_transition,
        root: at_root.map(|kinds| kinds.dot(wanted) / probability),
        tips: tips.map_or_else(Vec::new, |_| tree.tips().iter().map(by_tip).collect()),
    }
}

fn climb(transition: &Transition, states: [Kinds; 2]) -> [Kinds; 2] {
    let [p00, p01, p10, p11] = *transition;
    [Kinds::blend([p00, p01], states), Kinds::blend([p10, p11], states)]
}

/// Returns the kinds of data below each node, given each state of it.
fn kinds_below(tree: &Tree, transitions: &[Transition], tips: Option<&[[f64; 2]]>) -> Vec<[Kinds; 2]> {
    let mut states = vec![[Kinds::tip(0.0), Kinds::tip(1.0)]; tree.n_nodes()];
    for (&node, present) in tree.tips().iter().zip(tips.unwrap_or_default()) {
        states[node as usize] = present.map(Kinds::tip);
    }
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

/// Returns the derivatives with respect to the transitions, given those with respect to the root's kinds; `adjoint`
/// receives those with respect to the kinds at each node.
fn spread(
    tree: &Tree,
    transitions: &[Transition],
    states: &[[Kinds; 2]],
    adjoint: &mut [[Kinds; 2]],
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

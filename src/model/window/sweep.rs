//! The tables of a tree, made upwards, and the derivatives with respect to them, taken downwards.

use super::number::Number;
use super::rows::{Row, Shape, add_scaled, dot};
use super::steps::{Part, Step, Steps};
use crate::kernel::Transition;

/// What the probabilities of counts depend on.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) steps: &'a Steps,
    pub(super) shape: Shape,
    /// `[n_nodes]`
    pub(super) transitions: &'a [Transition],
    /// Probability that a tip is recorded as present given state 0 and 1, `[n_tips]`; without it, 0 and 1.
    pub(super) tips: Option<&'a [[f64; 2]]>,
}

/// Derivatives with respect to what the probability depends on, not yet divided by it.
pub(super) struct Derivatives<N> {
    /// `[n_nodes]`
    pub(super) transitions: Vec<[N; 4]>,
    /// With respect to a tip's probabilities of being recorded as absent and as present, given state 0, then given
    /// state 1; `[n_tips]`, empty if these are not given.
    pub(super) tips: Vec<[N; 4]>,
}

/// The tables of all steps; each holds the row given state 0, then that given state 1.
pub(super) struct Sweep<'a, N> {
    input: Input<'a>,
    /// Empty for tips, and for what is not kept.
    tables: Vec<Vec<N>>,
}

impl<'a, N: Number> Sweep<'a, N> {
    /// Makes all tables; `keep` keeps those that only the derivatives need.
    pub(super) fn upwards(input: Input<'a>, keep: bool) -> Self {
        let mut sweep = Self {
            input,
            tables: Vec::with_capacity(input.steps.steps.len()),
        };
        let (mut one, mut two, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
        for (number, step) in input.steps.steps.iter().enumerate() {
            let mut table = Vec::new();
            let n_tips = input.steps.n_tips[number];
            let length = input.shape.row_length(n_tips);
            match *step {
                Step::Tip(_) => {}
                Step::Lift(part) => sweep.carry_up(part, &mut table),
                Step::Join(left, right) => {
                    sweep.carry_up(left, &mut one);
                    sweep.carry_up(right, &mut two);
                    table.resize(2 * length, N::default());
                    let (of_one, of_two) = (sweep.rows(left, &one), sweep.rows(right, &two));
                    for (state, joined) in table.chunks_exact_mut(length).enumerate() {
                        input.shape.join(of_one[state], of_two[state], joined, &mut scratch);
                    }
                }
            }
            sweep.tables.push(table);
            if !keep {
                sweep.forget_parts(*step);
            }
        }
        sweep
    }

    /// Returns the row at the root given each state.
    pub(super) fn at_root(&self) -> [Vec<N>; 2] {
        let mut table = Vec::new();
        let root = Part {
            step: self.input.steps.steps.len() - 1,
            branch: None,
        };
        self.carry_up(root, &mut table);
        self.rows(root, &table).map(|row| row.entries.to_vec())
    }

    /// Returns the derivatives, given those with respect to the root's rows.
    pub(super) fn downwards(&self, by_root: [Vec<N>; 2]) -> Derivatives<N> {
        let Input { steps, shape, tips, .. } = self.input;
        let mut derivatives = Derivatives {
            transitions: vec![[N::default(); 4]; self.input.transitions.len()],
            tips: vec![[N::default(); 4]; tips.map_or(0, <[_]>::len)],
        };
        let mut by_table: Vec<Vec<N>> = vec![Vec::new(); steps.steps.len()];
        by_table[steps.steps.len() - 1] = by_root.concat();
        let (mut one, mut two, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
        let (mut by_one, mut by_two, mut spare) = (Vec::new(), Vec::new(), Vec::new());
        for (number, step) in steps.steps.iter().enumerate().rev() {
            let by_joined = std::mem::take(&mut by_table[number]);
            match *step {
                Step::Tip(tip) => {
                    if let Some(by_tip) = derivatives.tips.get_mut(tip) {
                        by_tip.copy_from_slice(&by_joined);
                    }
                }
                Step::Lift(part) => self.carry_down(part, &by_joined, &mut by_table, &mut derivatives, &mut spare),
                Step::Join(left, right) => {
                    self.carry_up(left, &mut one);
                    self.carry_up(right, &mut two);
                    let (of_one, of_two) = (self.rows(left, &one), self.rows(right, &two));
                    zeros(&mut by_one, one.len());
                    zeros(&mut by_two, two.len());
                    let by_rows = by_one
                        .chunks_exact_mut(one.len() / 2)
                        .zip(by_two.chunks_exact_mut(two.len() / 2));
                    let by_joined = by_joined.chunks_exact(by_joined.len() / 2);
                    for (state, (by_rows, by_joined)) in by_rows.zip(by_joined).enumerate() {
                        shape.join_adjoint((of_one[state], of_two[state]), by_joined, by_rows, &mut scratch);
                    }
                    self.carry_down(left, &by_one, &mut by_table, &mut derivatives, &mut spare);
                    self.carry_down(right, &by_two, &mut by_table, &mut derivatives, &mut spare);
                }
            }
            if by_joined.capacity() > 0 {
                spare.push(by_joined);
            }
        }
        derivatives
    }

    /// Writes the table of a part given the states at the upper end of its branch.
    fn carry_up(&self, part: Part, above: &mut Vec<N>) {
        let tip;
        let table: &[N] = match self.input.steps.steps[part.step] {
            Step::Tip(number) => {
                tip = self.tip_table(number);
                &tip
            }
            _ => &self.tables[part.step],
        };
        above.clear();
        let Some(branch) = part.branch else {
            above.extend_from_slice(table);
            return;
        };
        let [p00, p01, p10, p11] = self.input.transitions[branch].map(N::from);
        let (absent, present) = table.split_at(table.len() / 2);
        above.extend(absent.iter().zip(present).map(|(&a, &p)| p00 * a + p01 * p));
        above.extend(absent.iter().zip(present).map(|(&a, &p)| p10 * a + p11 * p));
    }

    /// Adds the derivatives with respect to a part's table and branch, given that with respect to what was carried up.
    ///
    /// `spare` holds tables whose room may be used again.
    fn carry_down(
        &self,
        part: Part,
        by_above: &[N],
        by_table: &mut [Vec<N>],
        derivatives: &mut Derivatives<N>,
        spare: &mut Vec<Vec<N>>,
    ) {
        let mut room = || spare.pop().unwrap_or_default();
        let Some(branch) = part.branch else {
            by_table[part.step] = room();
            by_table[part.step].clear();
            by_table[part.step].extend_from_slice(by_above);
            return;
        };
        let tip;
        let (table, is_wanted): (&[N], bool) = match self.input.steps.steps[part.step] {
            Step::Tip(number) => {
                tip = self.tip_table(number);
                (&tip, self.input.tips.is_some())
            }
            _ => (&self.tables[part.step], true),
        };
        let length = table.len() / 2;
        let (by_absent, by_present) = by_above.split_at(length);
        let (absent, present) = table.split_at(length);
        derivatives.transitions[branch] = [
            dot(by_absent, absent),
            dot(by_absent, present),
            dot(by_present, absent),
            dot(by_present, present),
        ];
        if is_wanted {
            let [p00, p01, p10, p11] = self.input.transitions[branch].map(N::from);
            let mut by_below = room();
            zeros(&mut by_below, 2 * length);
            let (below_absent, below_present) = by_below.split_at_mut(length);
            add_scaled(below_absent, p00, by_absent);
            add_scaled(below_absent, p10, by_present);
            add_scaled(below_present, p01, by_absent);
            add_scaled(below_present, p11, by_present);
            by_table[part.step] = by_below;
        }
    }

    /// Returns the probabilities of being recorded as absent and as present, given state 0, then given state 1.
    fn tip_table(&self, tip: usize) -> [N; 4] {
        let [of_absent, of_present] = self.input.tips.map_or([0.0, 1.0], |tips| tips[tip]);
        [1.0 - of_absent, of_absent, 1.0 - of_present, of_present].map(N::from)
    }

    fn rows<'b>(&self, part: Part, table: &'b [N]) -> [Row<'b, N>; 2] {
        let n_tips = self.input.steps.n_tips[part.step];
        let (absent, present) = table.split_at(table.len() / 2);
        [absent, present].map(|entries| Row { entries, n_tips })
    }

    fn forget_parts(&mut self, step: Step) {
        let (one, two) = match step {
            Step::Tip(_) => return,
            Step::Lift(part) => (part, part),
            Step::Join(one, two) => (one, two),
        };
        self.tables[one.step] = Vec::new();
        self.tables[two.step] = Vec::new();
    }
}

fn zeros<N: Number>(table: &mut Vec<N>, length: usize) {
    table.clear();
    table.resize(length, N::default());
}

//! The tree as a list of joins of two branches each, prepared for one step of a table of exponentials.
//!
//! A join multiplies what climbs from its two ends. A node with more than two children is several joins, of which the
//! later ones take the product so far as an end without a branch; the only child of a node is joined with nothing.
//! Children come in the order of [`ordered_children`], so that few partials are alive at once; the right end of a join
//! is what the join before it made, if it is not a tip.
//!
//! Where values may have become small is decided here too: from how many bits a branch can cost at most follows after
//! which joins they must be looked at.

use crate::kernel::plan::ordered_children;
use crate::kernel::scaled::{STEP, exponent};
use crate::problem::Tree;
use std::sync::OnceLock;

/// What is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The branch of a tip.
    Tip,
    /// The branch of an internal node.
    Node,
    /// The product of an earlier join, without a branch.
    Here,
    /// Nothing, which is 1.
    Nothing,
}

/// Joins that have a loop of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Two tips.
    Cherry,
    /// A node on the left and a tip on the right.
    Ladder,
    /// Two nodes.
    Fork,
    /// Any ends, and branches too long for the table.
    Other,
}

/// One join.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) ends: [End; 2],
    /// The entry of the table next to each length, or [`LONG`].
    pub(super) entry: [u8; 2],
    /// Bit b: values are looked at after this join if a branch costs up to `ALLOWANCES[b]` bits more than its length.
    checks: u8,
    /// Where the result goes and the left end is; the right one is in the slot behind.
    pub(super) slot: u32,
    /// The number of a tip, or of the join that made a node.
    pub(super) from: [u32; 2],
    /// The nodes below the branches.
    pub(super) node: [u32; 2],
    pub(super) length: [f64; 2],
    /// What the length has more than its entry.
    pub(super) rest: [f64; 2],
}

impl Step {
    /// Returns whether values must be looked at after this join.
    #[inline(always)]
    pub(super) fn is_checked(&self, allowance: u8) -> bool {
        self.checks >> allowance & 1 != 0
    }
}

/// Entries of the table: multiples of its step up to this one.
pub(super) const MOST_ENTRIES: usize = 48;
/// The entry of a branch that is too long for the table.
pub(super) const LONG: u8 = u8::MAX;
/// The rate times the step of the table is at most 2^-4: see [`super::table`].
const STEP_BITS: i32 = 4;
/// Halvings of the step that are provided for.
const N_LEVELS: usize = 40;
/// Bits that a branch may cost beside those of its length.
const ALLOWANCES: [i32; 4] = [6, 12, 24, 60];
/// A branch that alone may cost more bits than this, or is that much shorter than 1, needs extended exponents.
const MOST_BITS: i32 = 140;
/// Trees with fewer joins gain nothing from a table.
const FEWEST_JOINS: usize = 12;

/// The joins of a tree.
#[derive(Debug)]
pub(in crate::kernel) struct Joins {
    steps: Vec<Step>,
    pub(super) n_slots: usize,
    /// Sum of the lengths of all branches.
    pub(super) whole_length: f64,
    /// Which of the allowances can be kept.
    allowed: u8,
    /// log2 of the largest step.
    top: i32,
    levels: Vec<OnceLock<Level>>,
}

/// The joins with all lengths as multiples of one step and rests.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) step: f64,
    pub(super) n_entries: usize,
    pub(super) has_long: bool,
    pub(super) steps: Vec<Step>,
    is_worth_it: bool,
}

impl Joins {
    /// Returns the joins of a tree, if it is worth it.
    pub(in crate::kernel) fn new(tree: &Tree) -> Option<Self> {
        let longest = tree.branch_lengths()[..tree.root()]
            .iter()
            .fold(0.0, |a: f64, &b| a.max(b));
        if longest == 0.0 || longest.is_subnormal() {
            return None;
        }
        let (mut steps, n_slots) = list(tree);
        if steps.len() < FEWEST_JOINS {
            return None;
        }
        let allowed = (0..ALLOWANCES.len())
            .filter(|&allowance| mark_checks(&mut steps, allowance))
            .fold(0, |allowed, allowance| allowed | 1 << allowance);
        Some(Self {
            steps,
            n_slots,
            whole_length: tree.branch_lengths()[..tree.root()].iter().sum(),
            allowed,
            top: exponent(longest) + 2,
            levels: (0..N_LEVELS).map(|_| OnceLock::new()).collect(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Returns the joins with a step that suits the largest rate, unless nearly all branches are too long for it.
    pub(super) fn level(&self, largest_rate: f64) -> Option<&Level> {
        let log_step = (-(exponent(largest_rate) + 1) - STEP_BITS).min(self.top);
        let number = usize::try_from(self.top - log_step).ok()?;
        let level = self
            .levels
            .get(number)?
            .get_or_init(|| Level::new(&self.steps, log_step));
        level.is_worth_it.then_some(level)
    }

    /// Returns the number of the smallest allowance that holds so many bits.
    pub(super) fn allowance(&self, bits: i32) -> Option<u8> {
        let holds = |&number: &usize| self.allowed >> number & 1 != 0 && ALLOWANCES[number] >= bits;
        (0..ALLOWANCES.len()).find(holds).map(|number| number as u8)
    }
}

impl Level {
    fn new(steps: &[Step], log_step: i32) -> Self {
        let step = 2.0_f64.powi(log_step);
        let mut steps = steps.to_vec();
        let (mut n_long, mut n_entries) = (0, 1);
        for join in &mut steps {
            for end in 0..2 {
                let multiple = (join.length[end] / step).round_ties_even();
                if multiple > MOST_ENTRIES as f64 {
                    join.entry[end] = LONG;
                    join.kind = Kind::Other;
                    n_long += 1;
                } else {
                    // Exact: a multiple of a power of two, no more than half as far away as the next.
                    join.rest[end] = join.length[end] - multiple * step;
                    join.entry[end] = multiple as u8;
                    n_entries = n_entries.max(multiple as usize + 1);
                }
            }
        }
        Self {
            step,
            n_entries,
            has_long: n_long > 0,
            is_worth_it: 2 * n_long < 3 * steps.len(),
            steps,
        }
    }
}

/// A child of a node, or the product of some of them.
#[derive(Clone, Copy)]
struct Operand {
    end: End,
    from: u32,
    node: u32,
}

struct Open {
    node: u32,
    slot: u32,
    n_done: usize,
    held: Option<Operand>,
}

/// Returns the joins, without entries, and how many slots they need.
fn list(tree: &Tree) -> (Vec<Step>, usize) {
    let children = ordered_children(tree);
    let mut tip_of_node = vec![0; tree.n_nodes()];
    for (tip, &node) in tree.tips().iter().enumerate() {
        tip_of_node[node as usize] = tip as u32;
    }
    let (mut steps, mut n_slots) = (Vec::with_capacity(tree.n_tips()), 1);
    let open_node = |node, slot| Open {
        node,
        slot,
        n_done: 0,
        held: None,
    };
    let mut open = vec![open_node(tree.root() as u32, 0)];
    let mut finished: Option<Operand> = None;
    while let Some(Open {
        node,
        slot,
        n_done,
        held,
    }) = open.last_mut()
    {
        if let Some(operand) = finished.take() {
            *held = Some(match *held {
                None => operand,
                Some(left) => product(tree, &mut steps, *slot, left, operand),
            });
        }
        let below = children.of(*node as usize);
        if let Some(&child) = below.get(*n_done) {
            *n_done += 1;
            if tree.is_tip(child as usize) {
                finished = Some(Operand {
                    end: End::Tip,
                    from: tip_of_node[child as usize],
                    node: child,
                });
            } else {
                let slot = *slot + u32::from(held.is_some());
                n_slots = n_slots.max(slot as usize + 1);
                open.push(open_node(child, slot));
            }
        } else {
            let (node, slot, held) = (*node, *slot, *held);
            open.pop();
            let nothing = Operand {
                end: End::Nothing,
                from: 0,
                node: 0,
            };
            finished = held.map(|held| {
                let made = if held.end == End::Here {
                    held
                } else {
                    product(tree, &mut steps, slot, held, nothing)
                };
                Operand {
                    end: End::Node,
                    from: made.from,
                    node,
                }
            });
        }
    }
    (steps, n_slots)
}

fn product(tree: &Tree, steps: &mut Vec<Step>, slot: u32, left: Operand, right: Operand) -> Operand {
    let ends = [left.end, right.end];
    let length = [left, right].map(|operand| match operand.end {
        End::Tip | End::Node => tree.branch_lengths()[operand.node as usize],
        End::Here | End::Nothing => 0.0,
    });
    steps.push(Step {
        kind: match ends {
            [End::Tip, End::Tip] => Kind::Cherry,
            [End::Node, End::Tip] => Kind::Ladder,
            [End::Node, End::Node] => Kind::Fork,
            _ => Kind::Other,
        },
        ends,
        entry: [0; 2],
        checks: 0,
        slot,
        from: [left.from, right.from],
        node: [left.node, right.node],
        length,
        rest: [0.0; 2],
    });
    Operand {
        end: End::Here,
        from: steps.len() as u32 - 1,
        node: 0,
    }
}

/// Decides after which joins values are looked at, and returns whether they then always stay normal numbers.
///
/// Looking makes the larger state of a lane 1 and asks that the smaller be above 2^-200 or 0. A join may cost what its
/// ends have cost, and that of two branches; 1000 bits may not be exceeded.
fn mark_checks(steps: &mut [Step], allowance: usize) -> bool {
    let bits = |length: f64| {
        let bits = ALLOWANCES[allowance] + (-exponent(length)).max(0);
        if length > 0.0 { bits } else { 0 }
    };
    let most = steps.iter().flat_map(|step| step.length).map(bits).fold(0, i32::max);
    if most > MOST_BITS {
        return false;
    }
    let limit = 500 - most;
    let mut costs: Vec<i32> = Vec::with_capacity(steps.len());
    let last = steps.len() - 1;
    for (number, step) in steps.iter_mut().enumerate() {
        let of_end = |end: usize| match step.ends[end] {
            End::Tip => bits(step.length[end]),
            End::Node => costs[step.from[end] as usize] + bits(step.length[end]),
            End::Here => costs[step.from[end] as usize],
            End::Nothing => 0,
        };
        let cost = of_end(0) + of_end(1);
        if cost > limit || number == last {
            step.checks |= 1 << allowance;
        }
        costs.push(if cost > limit { STEP } else { cost });
    }
    true
}

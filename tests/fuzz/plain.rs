//! The plain twin: pruning in logs by the definition, one pattern at a time, with derivatives from joint posteriors.
//!
//! No scaling, no sharing, no tables: every number is a log, so that nothing underflows, and every derivative is
//! `sum q_i x_j dP_ij / L` with the sum of the sizes of its terms beside it, which is what rounding is measured by.

use crate::drawn::Drawn;

/// A derivative, and the sum of the sizes of its terms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Slope {
    pub value: f64,
    pub size: f64,
}

impl Slope {
    fn add(&mut self, is_positive: bool, log_term: f64) {
        let term = log_term.exp();
        self.value += if is_positive { term } else { -term };
        self.size += term;
    }

    pub fn add_times(&mut self, factor: f64, other: Self) {
        self.value += factor * other.value;
        self.size += factor * other.size;
    }
}

/// One pattern.
#[derive(Debug, Clone)]
pub struct Plain {
    pub log_likelihood: f64,
    /// By gain and loss, `[n_categories][n_sets]`.
    pub rates: Vec<[Slope; 2]>,
    /// By branch length, `[n_nodes]`.
    pub lengths: Vec<Slope>,
    /// By root frequency, `[n_categories]`.
    pub root: Vec<[Slope; 2]>,
    /// By weight, `[n_categories]`.
    pub weights: Vec<Slope>,
    /// By P(recorded present) in either state, `[n_tips]`.
    pub tips: Vec<[Slope; 2]>,
    /// Joint posteriors of the states above and below each branch, `[n_categories][n_nodes]`; not of the root.
    pub joint: Vec<[f64; 4]>,
}

pub fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY {
        high
    } else {
        high + (low - high).exp().ln_1p()
    }
}

/// `log [P00, P01, P10, P11]`.
fn log_transition([gain, loss]: [f64; 2], length: f64) -> [f64; 4] {
    let rate = gain + loss;
    let z = rate * length;
    if z == 0.0 {
        return [0.0, f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0];
    }
    let (up, down) = (gain.ln() - rate.ln(), loss.ln() - rate.ln());
    let changed = (-(-z).exp_m1()).ln();
    [
        log_add(down, up - z),
        up + changed,
        down + changed,
        log_add(up, down - z),
    ]
}

/// Logs of the sizes of `dP01 / d(gain, loss, length)`, of which the second is negative; `dP10` with the rates swapped.
fn log_slopes([own, other]: [f64; 2], length: f64) -> [f64; 3] {
    let rate = own + other;
    let z = rate * length;
    if rate == 0.0 {
        return [length.ln(), f64::NEG_INFINITY, f64::NEG_INFINITY];
    }
    let changed = (-(-z).exp_m1()).ln();
    // 1 - (1 + z) exp(-z), by its series where it would cancel.
    let mut series = 0.0;
    for k in (2..30).rev() {
        let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
        let factorial: f64 = (1..=k).map(f64::from).product();
        series += sign * f64::from(k - 1) / factorial * z.powi(k);
    }
    let twice = if z < 0.5 {
        series.ln()
    } else {
        (1.0 - (1.0 + z) * (-z).exp()).ln()
    };
    let twice = if z > 700.0 { 0.0 } else { twice };
    let log_rate = rate.ln();
    [
        log_add(
            other.ln() - 2.0 * log_rate + changed,
            own.ln() - log_rate + length.ln() - z,
        ),
        own.ln() - 2.0 * log_rate + twice,
        own.ln() - z,
    ]
}

/// Evaluates one pattern of a draw.
pub fn evaluate(drawn: &Drawn, pattern: usize) -> Plain {
    let tree = drawn.problem.tree();
    let (n_nodes, n_categories) = (tree.n_nodes(), drawn.weights.len());
    let passes: Vec<Pass> = (0..n_categories)
        .map(|category| Pass::new(drawn, category, pattern))
        .collect();
    let log_likelihood = passes
        .iter()
        .zip(&drawn.weights)
        .fold(f64::NEG_INFINITY, |total, (pass, weight)| {
            log_add(total, weight.ln() + pass.log_likelihood)
        });
    let mut plain = Plain {
        log_likelihood,
        rates: vec![[Slope::default(); 2]; n_categories * drawn.n_sets],
        lengths: vec![Slope::default(); n_nodes],
        root: vec![[Slope::default(); 2]; n_categories],
        weights: vec![Slope::default(); n_categories],
        tips: vec![[Slope::default(); 2]; tree.n_tips()],
        joint: vec![[0.0; 4]; n_categories * n_nodes],
    };
    if log_likelihood == f64::NEG_INFINITY {
        return plain;
    }
    for (category, pass) in passes.iter().enumerate() {
        let share = drawn.weights[category].ln() - log_likelihood;
        plain.weights[category].add(true, pass.log_likelihood - log_likelihood);
        for state in 0..2 {
            plain.root[category][state].add(true, share + pass.partial[tree.root()][state]);
        }
        for node in 0..tree.root() {
            let (outer, inner) = (pass.outer[node], pass.partial[node]);
            let rates = drawn.rates(category, node, pattern);
            let entries = log_transition(rates, tree.branch_lengths()[node]);
            for (entry, joint) in plain.joint[category * n_nodes + node].iter_mut().enumerate() {
                *joint = (share + outer[entry / 2] + entries[entry] + inner[entry % 2]).exp();
            }
            let at = category * drawn.n_sets + drawn.set_of_branch[node] as usize;
            for above in 0..2 {
                let own = [rates[above], rates[1 - above]];
                let [by_own, by_other, by_length] = log_slopes(own, tree.branch_lengths()[node]);
                for (below, inner) in inner.into_iter().enumerate() {
                    // Leaving becomes more likely with its own rate and with time, staying less.
                    let (leaves, term) = (above != below, share + outer[above] + inner);
                    plain.rates[at][above].add(leaves, term + by_own);
                    plain.rates[at][1 - above].add(!leaves, term + by_other);
                    plain.lengths[node].add(leaves, term + by_length);
                }
            }
        }
        for (tip, &node) in tree.tips().iter().enumerate() {
            let cell = drawn.problem.patterns().cell(pattern, tip);
            for (slope, above) in plain.tips[tip].iter_mut().zip(pass.above_tip[node as usize]) {
                if cell >= 0 {
                    slope.add(cell == 1, share + above);
                } else {
                    // Subtree classes know a missing cell as the sum of both records, whose derivatives cancel.
                    slope.size += (share + above).exp();
                }
            }
        }
    }
    plain
}

/// One category up and down the tree.
struct Pass {
    log_likelihood: f64,
    partial: Vec<[f64; 2]>,
    /// What is known above each branch.
    outer: Vec<[f64; 2]>,
    /// What is known of each tip's state without its record.
    above_tip: Vec<[f64; 2]>,
}

impl Pass {
    fn new(drawn: &Drawn, category: usize, pattern: usize) -> Self {
        let tree = drawn.problem.tree();
        let n_nodes = tree.n_nodes();
        let mut partial = vec![[0.0_f64; 2]; n_nodes];
        for (tip, &node) in tree.tips().iter().enumerate() {
            let recorded = drawn.tips.as_ref().map_or([0.0, 1.0], |tips| tips[tip]);
            partial[node as usize] = match drawn.problem.patterns().cell(pattern, tip) {
                0 => recorded.map(|p| (1.0 - p).ln()),
                1 => recorded.map(f64::ln),
                _ => [0.0, 0.0],
            };
        }
        let mut climbed = vec![[0.0; 2]; n_nodes];
        let entries = |node: usize| log_transition(drawn.rates(category, node, pattern), tree.branch_lengths()[node]);
        for node in 0..tree.root() {
            let ([p00, p01, p10, p11], [x, y]) = (entries(node), partial[node]);
            climbed[node] = [log_add(p00 + x, p01 + y), log_add(p10 + x, p11 + y)];
            let above = tree.parents()[node] as usize;
            partial[above] = [0, 1].map(|state| partial[above][state] + climbed[node][state]);
        }
        let frequencies = drawn.root(category, pattern).map(f64::ln);
        let [x, y] = partial[tree.root()];
        let mut below = vec![[0.0; 2]; n_nodes];
        let mut outer = vec![[0.0; 2]; n_nodes];
        below[tree.root()] = frequencies;
        for node in (0..tree.root()).rev() {
            let above = tree.parents()[node] as usize;
            let siblings = tree.children(above).iter().filter(|&&child| child as usize != node);
            outer[node] = siblings.fold(below[above], |product, &child| {
                [0, 1].map(|state| product[state] + climbed[child as usize][state])
            });
            let ([p00, p01, p10, p11], [u, v]) = (entries(node), outer[node]);
            below[node] = [log_add(p00 + u, p10 + v), log_add(p01 + u, p11 + v)];
        }
        Self {
            log_likelihood: log_add(frequencies[0] + x, frequencies[1] + y),
            partial,
            outer,
            above_tip: below,
        }
    }
}

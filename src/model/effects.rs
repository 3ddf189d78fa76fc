//! Effects: how covariates of families and of branches move the logs of the rates.
//!
//! Families with equal covariates form a group, branches with equal covariates a set. For group `i` and set `s` the
//! log of the gain rate of category `c` is `log_gain[c] + sum_k gain[i][s][k] theta[k]`, and likewise for loss: a
//! linear predictor that regimes, multipliers of single branches and regressions on tables all share. A column may
//! stand in both designs (one parameter that speeds gain and loss alike).

use super::parameter::Parameter;
use super::penalty::Penalty;
use crate::error::ModelError;
use crate::problem::Tree;
use nalgebra::DMatrix;

/// A search lets a covariate change a rate by at most this factor's log between its two extremes.
const WIDEST_LOG_RATIO: f64 = 20.0;
/// A column is collinear if what the others leave of it is smaller than this share of its length.
const COLLINEAR: f64 = 1e-7;
/// Groups times sets up to which columns are checked for being collinear.
const MOST_ROWS_CHECKED: usize = 2_000_000;

/// A sparse table of rows of covariates: entries `start[row]..start[row + 1]` belong to a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Design {
    /// `[n_rows + 1]`.
    pub start: Vec<usize>,
    /// The parameter of each entry.
    pub column: Vec<u32>,
    /// The covariate's value.
    pub value: Vec<f64>,
}

impl Design {
    /// Returns a table of `n_rows` empty rows.
    #[must_use]
    pub fn empty(n_rows: usize) -> Self {
        Self {
            start: vec![0; n_rows + 1],
            ..Self::default()
        }
    }

    /// Returns the table with the entries of dense rows that are not 0; `rows` is `[n_rows][n_columns]`.
    #[must_use]
    pub fn dense(rows: &[f64], n_columns: usize) -> Self {
        let mut design = Self::empty(0);
        for row in rows.chunks(n_columns.max(1)) {
            for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                design.column.push(column as u32);
                design.value.push(value);
            }
            design.start.push(design.column.len());
        }
        design
    }

    fn n_rows(&self) -> usize {
        self.start.len() - 1
    }

    fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let entries = self.start[row]..self.start[row + 1];
        self.column[entries.clone()]
            .iter()
            .map(|&column| column as usize)
            .zip(self.value[entries].iter().copied())
    }

    fn predict(&self, row: usize, parameters: &[f64]) -> f64 {
        self.row(row).map(|(column, value)| value * parameters[column]).sum()
    }
}

/// Covariate effects, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    names: Vec<String>,
    group_of_family: Vec<u32>,
    n_groups: usize,
    set_of_node: Vec<u32>,
    n_sets: usize,
    gain: Design,
    loss: Design,
    penalty: Penalty,
}

impl Effects {
    /// Returns no effects: all families in one group, all branches in one set.
    #[must_use]
    pub fn none(n_families: usize, n_nodes: usize) -> Self {
        Self {
            names: Vec::new(),
            group_of_family: vec![0; n_families],
            n_groups: 1,
            set_of_node: vec![0; n_nodes],
            n_sets: 1,
            gain: Design::empty(1),
            loss: Design::empty(1),
            penalty: Penalty::default(),
        }
    }

    /// Returns effects with these parameters.
    ///
    /// `group_of_family` is `[n_families]` and `set_of_node` `[n_nodes]`, numbered from 0; the set of the root is the
    /// one whose rates a stationary root follows. Row `group * n_sets + set` of `gain` and `loss` holds the covariates
    /// of that group on those branches, without a column for the intercept, which is the rate model's.
    ///
    /// # Errors
    /// [`ModelError::Length`] for tables of the wrong shape, [`ModelError::Covariate`] for a value that is not finite,
    /// [`ModelError::WithoutEffect`] for a column that is the same everywhere, [`ModelError::Collinear`] for columns
    /// that say the same together (penalised columns may).
    pub fn new(
        tree: &Tree,
        names: Vec<String>,
        group_of_family: Vec<u32>,
        set_of_node: Vec<u32>,
        designs: (Design, Design),
        penalty: Penalty,
    ) -> Result<Self, ModelError> {
        let (gain, loss) = designs;
        let count = |numbers: &[u32]| numbers.iter().max().map_or(0, |&last| last as usize + 1);
        let (n_groups, n_sets) = (count(&group_of_family), count(&set_of_node));
        let effects = Self {
            names,
            group_of_family,
            n_groups,
            set_of_node,
            n_sets,
            gain,
            loss,
            penalty,
        };
        effects.check_shape(tree)?;
        effects.check_columns(tree)?;
        Ok(effects)
    }

    /// Returns the number of groups of families.
    #[must_use]
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// Returns the group of each family, `[n_families]`.
    #[must_use]
    pub fn group_of_family(&self) -> &[u32] {
        &self.group_of_family
    }

    /// Returns the number of sets of branches.
    #[must_use]
    pub fn n_sets(&self) -> usize {
        self.n_sets
    }

    /// Returns the set of each branch, `[n_nodes]`; the root's entry tells whose rates a stationary root follows.
    #[must_use]
    pub fn set_of_node(&self) -> &[u32] {
        &self.set_of_node
    }

    /// Returns the penalty on the effects.
    #[must_use]
    pub fn penalty(&self) -> &Penalty {
        &self.penalty
    }

    /// Returns the parameters.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let (mut lowest, mut highest) = (
            vec![f64::INFINITY; self.names.len()],
            vec![f64::NEG_INFINITY; self.names.len()],
        );
        for design in [&self.gain, &self.loss] {
            let mut entries = vec![0; self.names.len()];
            for (&column, &value) in design.column.iter().zip(&design.value) {
                let column = column as usize;
                entries[column] += 1;
                lowest[column] = lowest[column].min(value);
                highest[column] = highest[column].max(value);
            }
            for (column, &n) in entries.iter().enumerate() {
                if n < design.n_rows() {
                    lowest[column] = lowest[column].min(0.0);
                    highest[column] = highest[column].max(0.0);
                }
            }
        }
        let spreads = lowest.iter().zip(&highest).map(|(low, high)| high - low);
        self.names
            .iter()
            .zip(spreads)
            .map(|(name, spread)| Parameter::scaled(name.clone(), 1.0 / spread, WIDEST_LOG_RATIO))
            .collect()
    }

    /// Returns what is added to the logs of gain and loss rate of a group on a set of branches.
    #[must_use]
    pub fn shifts(&self, group: usize, set: usize, parameters: &[f64]) -> [f64; 2] {
        let row = group * self.n_sets + set;
        [self.gain.predict(row, parameters), self.loss.predict(row, parameters)]
    }

    /// Adds to `gradient` the derivatives with respect to the parameters, given those with respect to
    /// [`shifts`](Self::shifts).
    pub fn pull_back(&self, group: usize, set: usize, shifts: [f64; 2], gradient: &mut [f64]) {
        let row = group * self.n_sets + set;
        for (design, shift) in [(&self.gain, shifts[0]), (&self.loss, shifts[1])] {
            for (column, value) in design.row(row) {
                gradient[column] += value * shift;
            }
        }
    }

    fn check_shape(&self, tree: &Tree) -> Result<(), ModelError> {
        let length = |what, found: usize, expected: usize| {
            if found == expected {
                Ok(())
            } else {
                Err(ModelError::Length {
                    what,
                    found,
                    expected: expected.to_string(),
                })
            }
        };
        length("the set of each branch", self.set_of_node.len(), tree.n_nodes())?;
        let mut in_use = vec![false; self.n_groups];
        self.group_of_family
            .iter()
            .for_each(|&group| in_use[group as usize] = true);
        let n_in_use = in_use.iter().filter(|&&used| used).count();
        length("the groups of families that hold any", n_in_use, self.n_groups)?;
        for design in [&self.gain, &self.loss] {
            length("the covariate table", design.n_rows(), self.n_groups * self.n_sets)?;
            length(
                "the entries of the covariate table",
                design.column.len(),
                design.value.len(),
            )?;
            length(
                "the entries of the covariate table",
                design.start.last().copied().unwrap_or(0),
                design.value.len(),
            )?;
            if let Some(&column) = design
                .column
                .iter()
                .find(|&&column| column as usize >= self.names.len())
            {
                return Err(ModelError::Length {
                    what: "the names of the covariates",
                    found: self.names.len(),
                    expected: format!("at least {}", column + 1),
                });
            }
            for (&column, &value) in design.column.iter().zip(&design.value) {
                if !value.is_finite() {
                    return Err(ModelError::Covariate {
                        name: self.names[column as usize].clone(),
                        found: value,
                    });
                }
            }
        }
        Ok(())
    }

    /// Refuses columns that no data could tell from the intercepts or from each other.
    ///
    /// Only rows of branches that exist count; gain and loss have an intercept each.
    fn check_columns(&self, tree: &Tree) -> Result<(), ModelError> {
        let mut on_branch = vec![false; self.n_sets];
        for node in (0..tree.n_nodes()).filter(|&node| node != tree.root() || tree.n_nodes() == 1) {
            on_branch[self.set_of_node[node] as usize] = true;
        }
        let rows: Vec<usize> = (0..self.n_groups * self.n_sets)
            .filter(|row| on_branch[row % self.n_sets])
            .collect();
        let penalised = self.penalty.holds(self.names.len());
        let free: Vec<usize> = (0..self.names.len()).filter(|&column| !penalised[column]).collect();
        if free.is_empty() || rows.len() > MOST_ROWS_CHECKED {
            return Ok(());
        }
        // Columns: the intercepts of gain and loss, then the free covariates, as products of all pairs.
        let n = free.len() + 2;
        let mut place = vec![usize::MAX; self.names.len()];
        for (position, &column) in free.iter().enumerate() {
            place[column] = position + 2;
        }
        let mut products = DMatrix::<f64>::zeros(n, n);
        for (intercept, design) in [&self.gain, &self.loss].into_iter().enumerate() {
            let mut entries = Vec::new();
            for &row in &rows {
                entries.clear();
                entries.push((intercept, 1.0));
                entries.extend(
                    design
                        .row(row)
                        .map(|(column, value)| (place[column], value))
                        .filter(|entry| entry.0 != usize::MAX),
                );
                for &(i, x) in &entries {
                    for &(j, y) in &entries {
                        products[(i, j)] += x * y;
                    }
                }
            }
        }
        self.refuse_dependent(&products, &free)
    }

    /// Takes column by column what the earlier ones explain of it (a Cholesky factor) and refuses an empty remainder.
    fn refuse_dependent(&self, products: &DMatrix<f64>, free: &[usize]) -> Result<(), ModelError> {
        let n = products.nrows();
        let mut factor = DMatrix::<f64>::zeros(n, n);
        for column in 0..n {
            for row in 0..=column {
                let known: f64 = (0..row).map(|k| factor[(row, k)] * factor[(column, k)]).sum();
                let rest = products[(column, row)] - known;
                if row < column {
                    factor[(column, row)] = rest / factor[(row, row)];
                } else if rest > (COLLINEAR * COLLINEAR) * products[(column, column)] && rest.is_normal() {
                    factor[(column, column)] = rest.sqrt();
                } else {
                    let name = self.names[free[column - 2]].clone();
                    let earlier = (0..column - 2)
                        .filter(|&k| factor[(column, k + 2)].abs() > COLLINEAR * products[(column, column)].sqrt())
                        .map(|k| self.names[free[k]].clone())
                        .collect::<Vec<_>>();
                    return Err(if earlier.is_empty() {
                        ModelError::WithoutEffect { name }
                    } else {
                        ModelError::Collinear { name, earlier }
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Names;

    fn tree() -> Tree {
        let names: Names = ["a", "b", "", "c", ""].into_iter().collect();
        Tree::new(vec![2, 2, 4, 4, crate::problem::NO_PARENT], vec![1.0; 5], names).unwrap()
    }

    fn effects(n_columns: usize, rows: &[f64]) -> Result<Effects, ModelError> {
        let names = (0..n_columns).map(|column| format!("x{column}")).collect();
        let design = Design::dense(rows, n_columns);
        let n_rows = design.n_rows();
        let groups = vec![0, 1, 2, 1];
        Effects::new(
            &tree(),
            names,
            groups,
            vec![0; 5],
            (design, Design::empty(n_rows)),
            Penalty::default(),
        )
    }

    #[test]
    fn shifts_are_the_linear_predictor_and_pull_back_its_transpose() {
        let effects = effects(2, &[0.0, 0.0, 1.0, 0.5, 0.0, 2.0]).unwrap();
        assert_eq!(effects.shifts(1, 0, &[3.0, 4.0]), [5.0, 0.0]);
        let mut gradient = vec![0.0; 2];
        effects.pull_back(1, 0, [10.0, 7.0], &mut gradient);
        assert_eq!(gradient, [10.0, 5.0]);
    }

    #[test]
    fn columns_that_say_the_same_are_refused_by_name() {
        let message = effects(2, &[0.0, 0.0, 1.0, 2.0, 2.0, 4.0]).unwrap_err().to_string();
        assert!(message.contains("'x1'") && message.contains("'x0'"), "{message}");
        // A constant column is the intercept.
        let message = effects(1, &[3.0, 3.0, 3.0]).unwrap_err().to_string();
        assert!(message.contains("'x0'") && message.contains("same"), "{message}");
        // Indicators of all groups add up to the intercept.
        assert!(effects(3, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).is_err());
        assert!(effects(2, &[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]).is_ok());
    }

    #[test]
    fn values_that_are_no_numbers_are_refused() {
        let error = effects(1, &[0.0, f64::NAN, 1.0]).unwrap_err();
        assert!(matches!(error, ModelError::Covariate { .. }), "{error}");
    }
}

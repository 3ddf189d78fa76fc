//! Gene families drawn from a model: any rate model, effects, root, observation error, filter, and missing cells.
//!
//! A family's rate category, root state, and states down the tree are drawn; each tip is recorded as its observation
//! says; then cells may go missing. A family is listed if its complete record is what the ascertainment asks for and,
//! where cells are missing, its visible cells are too (as a model asks of the table it is given). The draw is exact:
//!
//! - The category comes from its probability given that the family is recorded, `w[c] R[c] / sum_k w[k] R[k]`, R
//!   being the acceptance probability of [`Ascertainment::recorded`](crate::model::Ascertainment::recorded).
//! - Within a category draws are repeated until one is accepted where R is at least [`REJECTION`]; otherwise accepted
//!   draws are built directly by the counting programme (`counting`), which is refused only where its tables would be
//!   too large or R underflows.
//! - Families of which missing cells hide too much are drawn again, all of it.
//!
//! Every family has a stream of random numbers of its own (seed, family), so that neither threads nor other families
//! change it. True events have another, so that asking for them changes no cell.

pub(crate) mod bridge;
mod chance;
mod counting;
mod draw;
mod free;
mod group;
mod missing;
mod truth;

pub use missing::Missing;
pub use truth::Truth;

use crate::error::SimulateError;
use crate::model::{Processes, Specification};
use crate::parallel::{Monitor, Workers};
use crate::problem::{Names, PresenceTable, PresenceTableBuilder, Tree};
use draw::{Drawn, Plan};
use group::Sampler;

/// Acceptance probabilities from which on draws are made and rejected.
pub const REJECTION: f64 = 0.05;
/// Expected events of a branch up to which true ones are counted: their numbers fit 32 bits.
const MOST_POINTS: f64 = 1e9;
/// Families that are drawn in one go.
const CHUNK: usize = 256;
/// Groups whose tables are held at a time.
const GROUPS: usize = 64;

/// What is to be simulated; the families are those of the specification's effects.
#[derive(Debug, Clone, Copy)]
pub struct Simulation<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// The model.
    pub specification: &'a Specification,
    /// Its parameters, in the order of [`Specification::parameters`].
    pub parameters: &'a [f64],
    /// Cells of which nothing is known.
    pub missing: Missing<'a>,
    /// Of all random numbers.
    pub seed: u64,
    /// Whether the true states and events are wanted too.
    pub wants_truth: bool,
}

/// Simulated families.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The table; its columns are the tips in Newick order.
    pub table: PresenceTable,
    /// The rate category of each family, `[n_families]`.
    pub category: Vec<u32>,
    /// The true states and events, if they were asked for.
    pub truth: Option<Truth>,
}

impl Simulation<'_> {
    /// Draws the families, named by `names`.
    ///
    /// # Errors
    /// [`SimulateError`]: FitzJohn's root, an ascertainment that is passed too rarely, missing cells that hide too
    /// much, parameters outside their domain, names that are repeated.
    ///
    /// ```
    /// use persiste_rust::model::{Ascertainment, Effects, Observation, RootPrior, Specification, rates};
    /// use persiste_rust::parallel::{Monitor, Workers};
    /// use persiste_rust::simulate::{Missing, Simulation};
    ///
    /// let tree = persiste_rust::io::newick::parse("((A:1,B:1):0.5,C:1.5);", &Default::default()).unwrap().tree;
    /// let specification = Specification {
    ///     rates: rates::parse("shared", []).unwrap(),
    ///     effects: Effects::none(100, tree.n_nodes()),
    ///     root: RootPrior::Stationary,
    ///     ascertainment: Ascertainment::Observed,
    ///     observation: Observation::exact(&tree),
    /// };
    /// let simulation = Simulation {
    ///     tree: &tree,
    ///     specification: &specification,
    ///     parameters: &[-1.0, 0.0],
    ///     missing: Missing::None,
    ///     seed: 7,
    ///     wants_truth: false,
    /// };
    /// let names = (1..=100).map(|family| format!("family_{family}")).collect();
    /// let table = simulation.run(&names, &Workers::single(), &Monitor::new()).unwrap().table;
    /// assert!((0..100).all(|family| table.present(family) != [0]));
    /// ```
    pub fn run(&self, names: &Names, workers: &Workers, monitor: &Monitor) -> Result<Simulated, SimulateError> {
        monitor.begin(self.specification.effects.group_of_family().len() as u64);
        self.draw(names, workers, monitor)
    }

    /// As [`run`](Self::run), as a part of longer work: `monitor` counts the families on.
    pub(crate) fn draw(&self, names: &Names, workers: &Workers, monitor: &Monitor) -> Result<Simulated, SimulateError> {
        let (tree, groups) = (self.tree, self.specification.effects.group_of_family());
        if groups.is_empty() {
            return Err(SimulateError::NoFamilies);
        }
        self.missing.check(tree.n_tips())?;
        let processes = Processes::new(self.specification, tree, self.parameters)?;
        let mut members = vec![Vec::new(); self.specification.effects.n_groups()];
        for (family, &group) in groups.iter().enumerate() {
            members[group as usize].push(family);
        }
        let mut drawn: Vec<Drawn> = Vec::new();
        for (batch, members) in members.chunks(GROUPS).enumerate() {
            let samplers = workers.map(members.len(), |index| {
                monitor.check()?;
                Sampler::new(self, &processes, batch * GROUPS + index)
            })?;
            let chunks: Vec<(usize, &[usize])> = members
                .iter()
                .enumerate()
                .flat_map(|(index, families)| families.chunks(CHUNK).map(move |chunk| (index, chunk)))
                .collect();
            drawn.extend(workers.map(chunks.len(), |index| {
                monitor.check()?;
                let (sampler, families) = (&samplers[chunks[index].0], chunks[index].1);
                let drawn = Plan::new(self, sampler).draw(families)?;
                monitor.advance(families.len() as u64);
                Ok::<_, SimulateError>(drawn)
            })?);
        }
        self.gather(&drawn, names)
    }

    fn gather(&self, drawn: &[Drawn], names: &Names) -> Result<Simulated, SimulateError> {
        let n_families = self.specification.effects.group_of_family().len();
        let mut place = vec![(0, 0); n_families];
        for (chunk, drawn) in drawn.iter().enumerate() {
            for (position, &family) in drawn.families.iter().enumerate() {
                place[family] = (chunk, position);
            }
        }
        let genomes = self.tree.tip_names().map(String::from).collect();
        let mut builder = PresenceTableBuilder::new(genomes)?;
        let mut category = Vec::with_capacity(n_families);
        let mut truth = self
            .wants_truth
            .then(|| Truth::with_capacity(n_families, self.tree.n_nodes()));
        for (family, (chunk, position)) in place.into_iter().enumerate() {
            let drawn = &drawn[chunk];
            builder.push_family(names.get(family), drawn.present(position), drawn.missing(position))?;
            category.push(drawn.category[position]);
            if let (Some(truth), Some(part)) = (&mut truth, &drawn.truth) {
                truth.push(part, position);
            }
        }
        Ok(Simulated {
            table: builder.finish()?,
            category,
            truth,
        })
    }
}

//! Every way in which the crate can refuse its input, one file an area.

mod check;
mod dirichlet;
mod file;
mod instructions;
mod model;
mod newick;
mod pairs;
mod parallel;
mod quantity;
mod simulate;
mod table;
mod tree;

pub use check::CheckError;
pub use dirichlet::DirichletError;
pub use file::FileError;
pub use instructions::InstructionSetError;
pub use model::ModelError;
pub(crate) use newick::excerpt;
pub use newick::{NewickError, NewickProblem, TextPosition};
pub use pairs::PairsError;
pub use parallel::ParallelError;
pub use quantity::QuantityError;
pub use simulate::SimulateError;
pub use table::{Listed, TableError};
pub use tree::TreeError;

/// The work was stopped through its [`Monitor`](crate::parallel::Monitor).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped before it was finished")]
pub struct Cancelled;

//! Mixtures of Dirichlet-multinomial distributions: clusters of count profiles.
//!
//! A row of counts `x` with total n has, in component k, the probability of drawing n individuals from proportions that
//! are themselves Dirichlet(alpha_k). [`fit`] finds weights and parameters by EM, [`Parameters`] evaluates given ones,
//! [`fit_each`] compares numbers of components, [`GroupClassifier`] tells classes apart, [`consensus`] says what
//! restarts agree on.

mod check;
mod consensus;
mod counts;
mod criteria;
mod distance;
mod evidence;
mod group;
mod hessian;
mod histogram;
mod m_step;
mod mixture;
mod mt19937;
mod parameters;
mod select;
mod special;
mod start;

pub use consensus::{Consensus, consensus};
pub use counts::Counts;
pub use criteria::{CRITERIA, CURVATURES, Criterion, Curvature, GoodnessOfFit};
pub use group::{GroupClassifier, cross_validate, random_folds};
pub use mixture::{FitOptions, Mixture, fit};
pub use mt19937::Mt19937;
pub use parameters::{Assessment, Parameters};
pub use select::{best, fit_each};
pub use special::{Triple, gamma_triple, log_gamma};
pub use start::{Begin, STARTS, Start, random_labels, soft_kmeans};

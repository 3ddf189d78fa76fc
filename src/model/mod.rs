//! Models: what the parameters are called, what they mean to the kernel, and the chain rule back.

pub mod ascertainment;
pub mod effects;
pub mod observation;
pub mod parameter;
pub mod penalty;
pub mod rates;
pub mod root_prior;

mod batch;
mod evaluation;
mod family_lanes;
mod family_model;
mod family_posteriors;
mod family_rates;
mod family_weights;
mod gene_content;
mod given_rates;
mod histories;
mod kinds;
mod own_data;
mod parts;
mod process;
mod recording;
mod window;

pub use ascertainment::{Ascertainment, Recorded};
pub use effects::Effects;
pub use family_model::{FamilyModel, LaneGradients, Lanes};
pub use family_rates::log_likelihoods_at;
pub use family_weights::FamilyWeights;
pub use gene_content::{GeneContentModel, Specification, ValueAndGradient};
pub use given_rates::{GivenRates, Numbers, NumbersAdjoint};
pub use histories::{Histories, HistoryModel};
pub use observation::{Observation, logistic, logit};
pub use process::{Process, Processes};
pub use root_prior::RootPrior;
pub use window::spectrum;

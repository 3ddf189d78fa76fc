//! Models: what the parameters are called, what they mean to the kernel, and the chain rule back.

pub mod ascertainment;
pub mod parameter;
pub mod rates;
pub mod root_prior;
pub mod shared_rates;

mod family_rates;
mod gene_content;
mod kinds;
mod window;

pub use ascertainment::{Ascertainment, Recorded};
pub use family_rates::log_likelihoods_at;
pub use gene_content::{GeneContentModel, ValueAndGradient};
pub use root_prior::RootPrior;
pub use window::spectrum;

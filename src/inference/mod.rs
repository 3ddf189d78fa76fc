//! Estimation: the optimiser, fits of models with their uncertainty, and resampling.

pub mod optimise;

mod family_fit;
mod family_intervals;
mod fit;
mod hills;
mod lock_step;
mod pair_search;
mod profile;
mod profile_end;
mod resample;
mod sandwich;
mod search;
mod starts;

pub use family_fit::{FamilyFits, fit_families};
pub use family_intervals::{FamilyIntervals, family_intervals};
pub use fit::{FitOptions, FitResult, fit};
pub use profile::{ProfileInterval, ProfilePoint, profile, profile_interval};
pub use resample::{FoldResult, Replicate, bootstrap, cross_validate, refit_to};
pub use sandwich::sandwich;

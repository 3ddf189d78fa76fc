//! Estimation: the optimiser, and fits of models with their uncertainty.

pub mod optimise;

mod fit;
mod search;

pub use fit::{FitResult, fit};

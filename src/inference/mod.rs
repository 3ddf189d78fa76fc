//! Estimation: the optimiser, and fits of models with their uncertainty.

pub mod optimise;

mod fit;
mod search;
mod starts;

pub use fit::{FitOptions, FitResult, fit};

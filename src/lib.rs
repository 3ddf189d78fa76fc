//! Exact, fast likelihoods for the gain and loss of gene families on a phylogeny.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod error;
pub mod io;
pub mod parallel;
pub mod problem;

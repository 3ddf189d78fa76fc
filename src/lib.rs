//! Exact, fast likelihoods for the gain and loss of gene families on a phylogeny.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod dirichlet;
pub mod error;
pub mod inference;
pub mod io;
pub mod kernel;
pub mod model;
pub mod parallel;
pub mod problem;
pub mod quantity;
pub mod simulate;

#[cfg(feature = "phylotree")]
pub mod phylotree;
#[cfg(feature = "python")]
mod python;

/// The Rust code of `docs/parallel.md`, run by the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/parallel.md")]
mod parallel_page {}

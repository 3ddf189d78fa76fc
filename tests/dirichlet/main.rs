//! Dirichlet-multinomial mixtures: values at fixed parameters, fits, classes, limits and refusals.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod data;
mod fit;
mod groups;
mod input;
mod reference;
mod special;

//! Checks of a fit against enumeration of all patterns, against brute force over single cells, and against plain loops.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;
#[path = "fitness/genomes.rs"]
mod genomes;
#[path = "fitness/predictive.rs"]
mod predictive;
#[path = "fitness/spectra.rs"]
mod spectra;
#[path = "fitness/worlds.rs"]
mod worlds;

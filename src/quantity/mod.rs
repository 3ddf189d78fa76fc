//! Output quantities, one a file, each with its formula, axes, unit and source.

pub mod distance;

//! Output quantities, one a file, each with its formula, axes, unit and source.
//!
//! What happens on a branch has, given the states at its two ends, a conditional expectation under the chain; the
//! posterior expectation is its mean over the joint posterior of the ends. So each quantity of a branch is one function
//! from rates and length to four numbers, one line of [`BranchQuantity`], and any model can show it.

pub mod accumulation;
mod block_rows;
pub mod branch_quantity;
pub mod branch_summary;
pub mod count_classes;
mod count_law;
pub mod distance;
pub mod event_list;
pub mod event_probability;
pub mod event_variance;
pub mod expected_events;
pub mod family_table;
pub mod genome_fit;
pub mod joint_states;
mod ordered_sum;
pub mod predictive;
pub mod presence;
mod same_law;
mod small_ratios;
pub mod spectrum;
pub mod stochastic_map;
pub mod unseen;

pub use branch_quantity::BranchQuantity;

//! Reading and writing trees and tables, one file a format.

pub mod newick;
mod open;
pub mod table;

pub use open::open;

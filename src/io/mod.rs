//! Reading and writing trees and tables, one file a format.

mod open;

pub use open::open;

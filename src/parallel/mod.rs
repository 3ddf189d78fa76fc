//! Running independent work side by side with results that do not depend on the number of threads.

mod monitor;

pub use monitor::Monitor;

//! Running independent work side by side with results that do not depend on the number of threads.

mod monitor;
mod workers;

pub use monitor::Monitor;
pub use workers::Workers;

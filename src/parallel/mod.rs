//! Running independent work side by side with results that do not depend on the number of threads.

mod monitor;
mod pool;
mod workers;

pub use monitor::Monitor;
pub use pool::Pool;
pub use workers::Workers;

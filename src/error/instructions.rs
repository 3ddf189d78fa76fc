//! What can be wrong with the vector instructions asked for.

/// Instructions asked for through the environment that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstructionSetError {
    /// No set has this name.
    #[error("PERSISTE_RUST_SIMD is '{found}'; known: {known}")]
    Unknown {
        /// What was found.
        found: String,
        /// The names that exist.
        known: String,
    },
    /// The processor does not have it.
    #[error("PERSISTE_RUST_SIMD is '{name}', which this processor lacks; it has: {available}")]
    NotAvailable {
        /// Name of the set.
        name: &'static str,
        /// The sets that it has.
        available: String,
    },
}

//! Which vector instructions the loops of the kernel use: the widest that this processor has, or those asked for.
//!
//! All give the same bits, so the choice is one of speed. The environment variable `PERSISTE_RUST_SIMD` asks for a
//! set by its name, to measure it or to look for a fault; it is read once. A name that nobody knows, or a set that this
//! processor lacks, is an error that models and the Python module report before anything is computed.

use super::dispatch::is_available;
use crate::error::InstructionSetError;
use std::sync::OnceLock;

/// The environment variable that asks for a set.
const VARIABLE: &str = "PERSISTE_RUST_SIMD";

/// Vector instructions that the loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// What every processor of the architecture has.
    Plain,
    /// AVX2 and FMA, x86-64.
    Avx2,
    /// AVX-512 F, VL, DQ and BW, x86-64.
    Avx512,
    /// NEON, aarch64.
    Neon,
}

impl InstructionSet {
    /// All sets, the widest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Plain];

    /// Returns the name that the environment variable takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// Returns the sets that this processor has, the widest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|&set| is_available(set))
    }

    fn widest() -> Self {
        Self::available().next().unwrap_or(Self::Plain)
    }

    fn asked_for(name: &str) -> Result<Self, InstructionSetError> {
        let names = |sets: &mut dyn Iterator<Item = Self>| sets.map(Self::name).collect::<Vec<_>>().join(", ");
        match Self::ALL.into_iter().find(|set| set.name() == name) {
            Some(set) if is_available(set) => Ok(set),
            Some(set) => Err(InstructionSetError::NotAvailable {
                name: set.name(),
                available: names(&mut Self::available()),
            }),
            None => Err(InstructionSetError::Unknown {
                found: crate::error::excerpt(name),
                known: names(&mut Self::ALL.into_iter()),
            }),
        }
    }
}

/// Returns the set in use.
///
/// # Errors
/// [`InstructionSetError`] if the environment asks for a set that is unknown or that this processor lacks; loops then
/// use the plain one.
pub fn instruction_set() -> Result<InstructionSet, InstructionSetError> {
    static CHOSEN: OnceLock<Result<InstructionSet, InstructionSetError>> = OnceLock::new();
    let choose = || match std::env::var_os(VARIABLE) {
        Some(name) if !name.is_empty() => InstructionSet::asked_for(&name.to_string_lossy()),
        _ => Ok(InstructionSet::widest()),
    };
    CHOSEN.get_or_init(choose).clone()
}

/// Returns the set that loops use.
#[inline]
pub(super) fn chosen() -> InstructionSet {
    static CHOSEN: OnceLock<InstructionSet> = OnceLock::new();
    *CHOSEN.get_or_init(|| instruction_set().unwrap_or(InstructionSet::Plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_found_by_name_or_refused_with_those_there_are() {
        for set in InstructionSet::available() {
            assert_eq!(InstructionSet::asked_for(set.name()), Ok(set));
        }
        let message = InstructionSet::asked_for("sse9").unwrap_err().to_string();
        assert_eq!(
            message,
            "PERSISTE_RUST_SIMD is 'sse9'; known: avx512, avx2, neon, plain"
        );
        let lacking = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
        let message = InstructionSet::asked_for(lacking).unwrap_err().to_string();
        assert!(
            message.contains("this processor lacks") && message.contains("plain"),
            "{message}"
        );
    }
}

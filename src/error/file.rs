//! What can be wrong with a file before anything in it is understood.

use std::path::PathBuf;

/// A file that cannot be read as text.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot read '{}': {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A byte-order mark of UTF-16 or UTF-32.
    #[error("'{}' is encoded in UTF-16 or UTF-32; convert it to UTF-8 (for example with iconv)", path.display())]
    WideEncoding {
        /// The file.
        path: PathBuf,
    },
}

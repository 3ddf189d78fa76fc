//! What can be wrong with a file before anything in it is understood.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file that cannot be read as text.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("{}", refusal(path, source))]
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

/// Why a file is not read, without the number that the system's own words end in.
fn refusal(path: &Path, source: &std::io::Error) -> String {
    let (path, reason) = (path.display(), source.to_string());
    match source.kind() {
        ErrorKind::NotFound => format!("no such file: '{path}'"),
        ErrorKind::IsADirectory => format!("'{path}' is a folder; a file is wanted"),
        _ => {
            let words = reason.split(" (os error").next().unwrap_or_default();
            format!("cannot read '{path}': {}", words.to_lowercase())
        }
    }
}

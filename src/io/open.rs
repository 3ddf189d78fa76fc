//! Opening a file as a stream of text bytes: gzip undone, byte-order mark removed.

use crate::error::FileError;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

const BUFFER_BYTES: usize = 1 << 18;

/// Opens a file for reading as UTF-8 text.
///
/// Whether it is gzip-compressed is read from its first two bytes, never from its name, so a plain file called
/// `.gz` works. A UTF-8 byte-order mark is removed.
///
/// # Errors
/// [`FileError`] if the file cannot be read or begins with the mark of another encoding.
pub fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, FileError> {
    let failed = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path).map_err(failed)?);
    let is_gzip = file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    let mut text: Box<dyn BufRead + Send> = if is_gzip {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    let start = text.fill_buf().map_err(failed)?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) || start.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(FileError::WideEncoding { path: path.to_owned() });
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        text.consume(3);
    }
    Ok(text)
}

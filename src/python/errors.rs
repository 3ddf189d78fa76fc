//! Errors of the crate as Python exceptions: bad input is ValueError, a file that cannot be read OSError.

use crate::error::{
    Cancelled, CheckError, DirichletError, FileError, ModelError, NewickError, ParallelError, QuantityError,
    SimulateError, TableError, TreeError,
};
use crate::quantity::distance::NotBinary;
use pyo3::exceptions::{
    PyFileNotFoundError, PyIsADirectoryError, PyKeyboardInterrupt, PyMemoryError, PyOSError, PyPermissionError,
    PyValueError,
};
use pyo3::prelude::*;
use std::io::ErrorKind;

/// An error as the exception that Python users expect.
pub(super) trait IntoPyErr {
    /// Returns the exception.
    fn into_py(self) -> PyErr;
}

/// Turns the error of a result into an exception.
pub(super) trait OrRaise<T> {
    /// Returns the value or the exception.
    fn or_raise(self) -> PyResult<T>;
}

impl<T, E: IntoPyErr> OrRaise<T> for Result<T, E> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(IntoPyErr::into_py)
    }
}

impl IntoPyErr for FileError {
    fn into_py(self) -> PyErr {
        let message = self.to_string();
        match self {
            Self::Io { source, .. } => match source.kind() {
                ErrorKind::NotFound => PyFileNotFoundError::new_err(message),
                ErrorKind::PermissionDenied => PyPermissionError::new_err(message),
                ErrorKind::IsADirectory => PyIsADirectoryError::new_err(message),
                _ => PyOSError::new_err(message),
            },
            Self::WideEncoding { .. } => PyValueError::new_err(message),
        }
    }
}

impl IntoPyErr for Cancelled {
    fn into_py(self) -> PyErr {
        PyKeyboardInterrupt::new_err(self.to_string())
    }
}

impl IntoPyErr for TreeError {
    fn into_py(self) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

impl IntoPyErr for ParallelError {
    fn into_py(self) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

impl IntoPyErr for QuantityError {
    fn into_py(self) -> PyErr {
        match self {
            Self::Model(error) => error.into_py(),
            Self::TooLarge { .. } | Self::TooManyMaps { .. } => PyMemoryError::new_err(self.to_string()),
            _ => PyValueError::new_err(self.to_string()),
        }
    }
}

impl IntoPyErr for CheckError {
    fn into_py(self) -> PyErr {
        match self {
            Self::Model(error) => error.into_py(),
            Self::Quantity(error) => error.into_py(),
            Self::Simulate(error) => error.into_py(),
            other => PyValueError::new_err(other.to_string()),
        }
    }
}

impl IntoPyErr for NotBinary {
    fn into_py(self) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

impl IntoPyErr for NewickError {
    fn into_py(self) -> PyErr {
        match self {
            Self::File(error) => error.into_py(),
            other => PyValueError::new_err(other.to_string()),
        }
    }
}

impl IntoPyErr for TableError {
    fn into_py(self) -> PyErr {
        match self {
            Self::File(error) => error.into_py(),
            Self::Cancelled(error) => error.into_py(),
            other => PyValueError::new_err(other.to_string()),
        }
    }
}

impl IntoPyErr for ModelError {
    fn into_py(self) -> PyErr {
        match self {
            Self::Cancelled(error) => error.into_py(),
            other => PyValueError::new_err(other.to_string()),
        }
    }
}

impl IntoPyErr for DirichletError {
    fn into_py(self) -> PyErr {
        match self {
            Self::Cancelled(error) => error.into_py(),
            other => PyValueError::new_err(other.to_string()),
        }
    }
}

impl IntoPyErr for SimulateError {
    fn into_py(self) -> PyErr {
        match self {
            Self::Model(error) => error.into_py(),
            other => PyValueError::new_err(other.to_string()),
        }
    }
}

//! The functions of `differentiable` for the runtime of XLA, which calls them from compiled code without the
//! interpreter: handlers of its foreign-function interface.
//!
//! The structures are those of `xla/ffi/api/c_api.h` in version 0.3 of that interface (jaxlib 0.10.2), as far as they
//! are read here; they have been the same since version 0.1 (jaxlib 0.6). Asked for its version, a handler says the one
//! that whoever registers it found in the header of the runtime, so that a runtime of another version refuses it. A
//! handler gets the number of the object to
//! evaluate as the attribute `target`, and whether rows outside the domain are NaN as `nan_outside`.
//!
//! This file and `kernel/dispatch.rs` are the only ones with `unsafe`. What is taken on trust here is the contract of
//! that header: pointers in a call frame are valid for the call, buffers have the dimensions that they say, and the
//! buffers of results overlap nothing.
#![allow(unsafe_code)]

use super::differentiable::{FUNCTIONS, Function, Rows};
use super::targets;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use std::ffi::{CString, c_char, c_void};
use std::mem::offset_of;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicI32, Ordering};

/// Versions of the interface with the structures below.
const MAJOR: i32 = 0;
const MINORS: RangeInclusive<i32> = 1..=3;
/// The version that handlers say they have: the runtime asks before any of its own is to be seen.
static MINOR: AtomicI32 = AtomicI32::new(3);

const METADATA: u32 = 1;
const EXECUTE: u32 = 3;
const BUFFER: u32 = 1;
const SCALAR: u32 = 3;
const S64: u32 = 5;
const F64: u32 = 12;
const INVALID_ARGUMENT: u32 = 3;
const INTERNAL: u32 = 13;

#[repr(C)]
struct Extension {
    struct_size: usize,
    kind: u32,
    next: *mut Extension,
}

#[repr(C)]
struct Version {
    struct_size: usize,
    extension: *mut Extension,
    major: i32,
    minor: i32,
}

#[repr(C)]
struct Metadata {
    struct_size: usize,
    version: Version,
    traits: u32,
}

#[repr(C)]
struct MetadataExtension {
    base: Extension,
    metadata: *mut Metadata,
}

#[repr(C)]
struct ErrorArguments {
    struct_size: usize,
    extension: *mut Extension,
    message: *const c_char,
    code: u32,
}

type CreateError = unsafe extern "C" fn(*mut ErrorArguments) -> *mut c_void;

#[repr(C)]
struct Api {
    struct_size: usize,
    extension: *mut Extension,
    version: Version,
    internal: *const c_void,
    create_error: Option<CreateError>,
}

/// Arguments, results and attributes without their names look the same.
#[repr(C)]
struct List {
    struct_size: usize,
    extension: *mut Extension,
    size: i64,
    kinds: *const u32,
    items: *const *const c_void,
}

#[repr(C)]
struct Attributes {
    struct_size: usize,
    extension: *mut Extension,
    size: i64,
    kinds: *const u32,
    names: *const *const Name,
    items: *const *const c_void,
}

#[repr(C)]
struct Name {
    text: *const u8,
    length: usize,
}

#[repr(C)]
struct Scalar {
    kind: u32,
    value: *const c_void,
}

#[repr(C)]
struct Buffer {
    struct_size: usize,
    extension: *mut Extension,
    kind: u32,
    data: *mut c_void,
    rank: i64,
    dimensions: *const i64,
}

/// What a handler is called with; the runtime's own structure goes on behind the attributes.
#[repr(C)]
pub(super) struct Frame {
    struct_size: usize,
    extension: *mut Extension,
    api: *const Api,
    context: *mut c_void,
    stage: u32,
    arguments: List,
    results: List,
    attributes: Attributes,
}

type Handler = unsafe extern "C" fn(*mut Frame) -> *mut c_void;

macro_rules! handlers {
    ($($name:ident $function:ident),*) => {
        // A macro because the interface passes no closure: each function needs an entry point of its own.
        $(unsafe extern "C" fn $name(frame: *mut Frame) -> *mut c_void {
            // SAFETY: the runtime calls a handler with a frame that is valid and its own until the handler returns.
            unsafe { handle(frame, Function::$function) }
        })*
        const HANDLERS: &[(Function, Handler)] = &[$((Function::$function, $name)),*];
    };
}

handlers!(
    value Value,
    value_and_gradient ValueAndGradient,
    families Families,
    vector_jacobian VectorJacobian,
    given_rates GivenRates,
    given_rates_adjoint GivenRatesAdjoint
);

/// Answers a call of the runtime: null, or an error that the runtime frees.
///
/// # Safety
/// `frame` is null or points to a call frame that nobody else uses meanwhile.
unsafe fn handle(frame: *mut Frame, function: Function) -> *mut c_void {
    // SAFETY: by the contract of this function.
    let Some(frame) = (unsafe { frame.as_mut() }) else {
        return null_mut();
    };
    // SAFETY: an extension that says it is metadata is a metadata extension.
    if unsafe { answered_metadata(frame) } {
        return null_mut();
    }
    // A panic must not run into the runtime, which is not Rust.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the frame is one of execution, checked inside.
        unsafe { execute(frame, function) }
    }));
    let (code, message) = match outcome {
        Ok(Ok(())) => return null_mut(),
        Ok(Err(message)) => (INVALID_ARGUMENT, message),
        Err(_) => (
            INTERNAL,
            format!("evaluating {function:?} failed inside the native module; please report it"),
        ),
    };
    // SAFETY: the runtime's table of functions outlives the frame.
    unsafe { error(frame, code, message) }
}

/// Answers the question for the version of the interface, if that is what the frame is.
///
/// # Safety
/// The frame's extension is null or valid.
unsafe fn answered_metadata(frame: &mut Frame) -> bool {
    // SAFETY: by the contract.
    let Some(extension) = (unsafe { frame.extension.as_ref() }) else {
        return false;
    };
    if extension.kind != METADATA || extension.struct_size < size_of::<MetadataExtension>() {
        return false;
    }
    // SAFETY: its kind and size say that it is a metadata extension.
    let metadata = unsafe { (*frame.extension.cast::<MetadataExtension>()).metadata.as_mut() };
    let Some(metadata) =
        metadata.filter(|metadata| metadata.struct_size >= offset_of!(Metadata, traits) + size_of::<u32>())
    else {
        return false;
    };
    metadata.version = Version {
        struct_size: size_of::<Version>(),
        extension: null_mut(),
        major: MAJOR,
        minor: MINOR.load(Ordering::Relaxed),
    };
    metadata.traits = 0;
    true
}

/// Evaluates a function on the frame's buffers.
///
/// # Safety
/// All pointers of the frame are valid, as the interface promises for the stage of execution.
unsafe fn execute(frame: &Frame, function: Function) -> Result<(), String> {
    if frame.struct_size < size_of::<Frame>() || frame.stage != EXECUTE {
        return Err(format!(
            "the frame of {function:?} is too small or not of execution (stage {})",
            frame.stage
        ));
    }
    // SAFETY: attributes are valid during the call.
    let (id, nan_outside) = unsafe {
        let attributes = &frame.attributes;
        (
            whole_number(attributes, "target")?,
            whole_number(attributes, "nan_outside")?,
        )
    };
    let target =
        targets::find(id).ok_or("the model of this compiled function is gone; keep the function that made it")?;
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    // SAFETY: buffers are valid during the call, hold as many numbers as their dimensions say, and nothing writes to
    // those of arguments or touches those of results meanwhile; `start` is aligned and not null.
    unsafe {
        for buffer in buffers(&frame.arguments)? {
            let dimensions = dimensions(buffer);
            let n_rows = dimensions.split_last().map_or(1, |(_, outer)| count(outer));
            let size = count(dimensions);
            let values = std::slice::from_raw_parts(start(buffer, size)?, size);
            inputs.push(Rows { values, n_rows });
        }
        for buffer in buffers(&frame.results)? {
            let size = count(dimensions(buffer));
            outputs.push(std::slice::from_raw_parts_mut(start(buffer, size)?, size));
        }
    }
    target
        .write(function, &inputs, &mut outputs, nan_outside != 0)
        .map_err(|error| error.to_string())
}

/// # Safety
/// The list is valid.
unsafe fn buffers(list: &List) -> Result<Vec<&Buffer>, String> {
    let of = |index: usize| {
        // SAFETY: both arrays have as many entries as the list says.
        let (kind, item) = unsafe { (*list.kinds.add(index), *list.items.add(index)) };
        // SAFETY: its kind says that it is a buffer.
        let buffer = unsafe { item.cast::<Buffer>().as_ref() };
        buffer
            .filter(|buffer| kind == BUFFER && buffer.struct_size >= size_of::<Buffer>() && buffer.kind == F64)
            .ok_or_else(|| format!("array {index} is no buffer of float64"))
    };
    (0..usize::try_from(list.size).unwrap_or(0)).map(of).collect()
}

/// # Safety
/// The buffer is valid.
unsafe fn dimensions(buffer: &Buffer) -> &[i64] {
    match usize::try_from(buffer.rank) {
        // SAFETY: a buffer has as many dimensions as its rank says.
        Ok(rank) if rank > 0 && !buffer.dimensions.is_null() => unsafe {
            std::slice::from_raw_parts(buffer.dimensions, rank)
        },
        _ => &[],
    }
}

fn count(dimensions: &[i64]) -> usize {
    dimensions
        .iter()
        .map(|&size| usize::try_from(size).unwrap_or(0))
        .product()
}

/// Returns where so many float64 of a buffer begin; dangling but aligned for none.
fn start(buffer: &Buffer, n: usize) -> Result<*mut f64, String> {
    if n == 0 {
        return Ok(NonNull::dangling().as_ptr());
    }
    let data = buffer.data.cast::<f64>();
    if data.is_null() || !data.is_aligned() {
        return Err("a buffer of float64 is null or not aligned".to_owned());
    }
    Ok(data)
}

/// # Safety
/// The attributes are valid.
unsafe fn whole_number(attributes: &Attributes, wanted: &str) -> Result<i64, String> {
    for index in 0..usize::try_from(attributes.size).unwrap_or(0) {
        // SAFETY: the three arrays have as many entries as the attributes say, and names are spans of bytes.
        let (kind, item, name) = unsafe {
            let name = &**attributes.names.add(index);
            let text = std::slice::from_raw_parts(name.text, name.length);
            (*attributes.kinds.add(index), *attributes.items.add(index), text)
        };
        if name == wanted.as_bytes() && kind == SCALAR {
            // SAFETY: its kind says that it is a scalar, and that scalar's kind what its value is.
            unsafe {
                let scalar = &*item.cast::<Scalar>();
                if scalar.kind == S64 {
                    return Ok(scalar.value.cast::<i64>().read_unaligned());
                }
            }
        }
    }
    Err(format!("attribute '{wanted}' is missing or no int64"))
}

/// Makes an error of the runtime.
///
/// # Safety
/// The frame's table of functions is null or valid.
unsafe fn error(frame: &Frame, code: u32, message: String) -> *mut c_void {
    let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
    // SAFETY: by the contract.
    let create = unsafe { frame.api.as_ref() }.and_then(|api| api.create_error);
    let mut arguments = ErrorArguments {
        struct_size: size_of::<ErrorArguments>(),
        extension: null_mut(),
        message: message.as_ptr(),
        code,
    };
    match create {
        // SAFETY: the function copies the message before it returns.
        Some(create) => unsafe { create(&raw mut arguments) },
        None => null_mut(),
    }
}

/// Returns the handlers by name, as capsules for `jax.ffi.register_ffi_target`, for a runtime of this version.
#[pyfunction]
pub(super) fn xla_handlers(py: Python<'_>, major: i32, minor: i32) -> PyResult<Bound<'_, PyDict>> {
    if major != MAJOR || !MINORS.contains(&minor) {
        let (oldest, newest) = (MINORS.start(), MINORS.end());
        return Err(PyValueError::new_err(format!(
            "XLA has version {major}.{minor} of its foreign-function interface; known are {MAJOR}.{oldest} to \
             {MAJOR}.{newest}"
        )));
    }
    MINOR.store(minor, Ordering::Relaxed);
    let capsules = PyDict::new(py);
    for (name, function) in FUNCTIONS {
        let handler = HANDLERS.iter().find(|(of, _)| *of == function);
        if let Some(pointer) = handler.and_then(|(_, handler)| NonNull::new(*handler as *mut c_void)) {
            // SAFETY: the pointer is to a function, which is always there.
            let capsule = unsafe { PyCapsule::new_with_pointer(py, pointer, c"xla._CUSTOM_CALL_TARGET")? };
            capsules.set_item(name, capsule)?;
        }
    }
    Ok(capsules)
}

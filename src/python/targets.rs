//! The objects that compiled code may ask for by number: it must not hold a pointer to what Python may have let go.

use super::differentiable::Target;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

static TARGETS: LazyLock<RwLock<HashMap<i64, Arc<Target>>>> = LazyLock::new(RwLock::default);

/// Makes an object known and returns its number.
pub(super) fn keep(target: Arc<Target>) -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    TARGETS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, target);
    id
}

/// Forgets an object; evaluations under way go on.
pub(super) fn forget(id: i64) {
    TARGETS.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

/// Returns the object of a number, if it is still known.
pub(super) fn find(id: i64) -> Option<Arc<Target>> {
    TARGETS.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
}

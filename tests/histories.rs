//! Ancestors, gains and losses against reference values, against enumeration of all states on trees whose branches
//! are cut into many short ones, and against each other.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;
#[path = "histories/enumeration.rs"]
mod enumeration;
#[path = "histories/maps.rs"]
mod maps;
#[path = "histories/models.rs"]
mod models;
#[path = "histories/properties.rs"]
mod properties;
#[path = "histories/reference.rs"]
mod reference;

//! Reads `src/` and fails on an import that points the wrong way, on pyo3 outside the bindings, on `unsafe` outside
//! the dispatch file. Test modules may look anywhere.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each area of `src/` may import; the order is the order in which data flows.
const MAY_IMPORT: &[(&str, &str)] = &[
    ("error", ""),
    ("parallel", "error"),
    ("problem", "error parallel"),
    ("io", "error parallel problem"),
    ("kernel", "error parallel problem"),
    ("model", "error parallel problem io kernel"),
    ("inference", "error parallel problem io kernel model"),
    ("simulate", "error parallel problem io kernel model"),
    ("quantity", "error parallel problem io kernel model inference simulate"),
    (
        "python",
        "error parallel problem io kernel model inference simulate quantity dirichlet phylotree",
    ),
    ("dirichlet", "error parallel"),
    ("phylotree", "error problem"),
];

/// Instruction sets, and the entry points for the runtime of XLA.
const UNSAFE_FILES: [&str; 2] = ["kernel/dispatch.rs", "python/xla.rs"];

/// Returns the area of a file given by its path below `src/`: the first folder, or the name of a top-level file.
fn area(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Returns the source without comments, without the contents of literals, and without what follows `#[cfg(test)]`
/// and opens a module.
fn code_of(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if let Some(length) = raw_string(rest).or_else(|| string(rest)).or_else(|| character(rest)) {
            code.push(' ');
            at += length;
        } else {
            let next = rest.chars().next().unwrap();
            code.push(next);
            at += next.len_utf8();
        }
    }
    without_test_modules(&code)
}

fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?.bytes().take_while(|&byte| byte == b'#').count();
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + body.find(&close).map_or(body.len(), |end| end + close.len()))
}

fn string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('"')?;
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 2),
            _ => {}
        }
    }
    Some(rest.len())
}

/// A character literal, as opposed to a lifetime: `'"'`, `'\''`, `b'/'`.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    let first = body.chars().next()?;
    if first == '\\' {
        let second = 1 + body[1..].chars().next()?.len_utf8();
        return body[second..].find('\'').map(|end| 1 + second + end + 1);
    }
    body[first.len_utf8()..]
        .starts_with('\'')
        .then_some(2 + first.len_utf8())
}

fn without_test_modules(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..start]);
        let item = &rest[start..];
        let body = item.find('{').unwrap_or(item.len());
        let end = item.find(';').unwrap_or(item.len());
        let length = if body < end {
            block_length(item)
        } else {
            (end + 1).min(item.len())
        };
        rest = &item[length..];
    }
    kept + rest
}

/// Returns how far the first braced block reaches.
fn block_length(item: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in item.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    item.len()
}

/// Returns the areas that the code names through `crate::`, also in a group, and through enough `super::`.
fn imported(path: &str, code: &str) -> Vec<String> {
    let compact: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let compact = compact.replace(" :: ", "::").replace(":: ", "::").replace(" ::", "::");
    let depth = path.trim_end_matches("/mod.rs").split('/').count();
    let mut areas = Vec::new();
    for prefix in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in compact.match_indices(&prefix) {
            let rest = &compact[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(group) => areas.extend(group_heads(group)),
                None => areas.push(identifier(rest)),
            }
        }
    }
    areas.retain(|name| !name.is_empty());
    areas
}

/// Returns the first identifier of each member of a group `{a::b, c::{d, e}}` whose brace is already taken off.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = vec![identifier(group.trim_start())];
    let mut depth = 0;
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' => depth -= 1,
            b',' if depth == 0 => heads.push(identifier(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    heads
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|found| found == word)
}

/// Returns one sentence for each breach in a file; `path` is below `src/`, with `/` between folders.
fn breaches(path: &str, source: &str) -> Vec<String> {
    let here = area(path);
    if here == "lib" || path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == here) else {
        return vec![format!(
            "src/{path}: area '{here}' is not in the order of tests/layering.rs"
        )];
    };
    let code = code_of(source);
    let known = |name: &str| MAY_IMPORT.iter().any(|(area, _)| *area == name);
    let mut found: Vec<String> = imported(path, &code)
        .into_iter()
        .filter(|name| known(name) && name != here && !allowed.split(' ').any(|one| one == name))
        .map(|name| format!("src/{path}: '{here}' imports '{name}'; allowed: {allowed}"))
        .collect();
    for library in ["pyo3", "numpy"] {
        if here != "python" && has_word(&code, library) {
            found.push(format!("src/{path}: names {library}; only src/python does"));
        }
    }
    if !UNSAFE_FILES.contains(&path) && (has_word(&code, "unsafe") || code.contains("allow(unsafe_code)")) {
        let allowed = UNSAFE_FILES.join(" and ");
        found.push(format!("src/{path}: holds `unsafe`; only {allowed} may"));
    }
    found
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_import_points_to_the_left() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 5, "src/ was not found");
    let mut found = BTreeMap::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let breaches = breaches(&path, &fs::read_to_string(&file).unwrap());
        if !breaches.is_empty() {
            found.insert(path, breaches);
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_checker_flags_an_import_to_the_right() {
    for (path, source) in [
        ("kernel/prune.rs", "use crate::model::Rates;"),
        ("kernel/prune.rs", "use crate::io;"),
        ("io/newick.rs", "use crate::{error::Error, kernel::{Input, Output}};"),
        ("io/table/rtab.rs", "fn f() { super::super::super::kernel::run() }"),
        ("problem/mod.rs", "pub use super::model::X;"),
        ("parallel/mod.rs", "use crate::\n    problem::Tree;"),
        ("dirichlet.rs", "use crate::problem::Tree;"),
        ("phylotree.rs", "use crate::io::newick;"),
        (
            "model/rates.rs",
            "let quote = '\"'; use crate::quantity::Y; let other = '\"';",
        ),
        ("newcomer/mod.rs", ""),
    ] {
        assert_eq!(breaches(path, source).len(), 1, "{path}: {source}");
    }
}

#[test]
fn the_checker_flags_python_and_unsafe_outside_their_files() {
    assert_eq!(breaches("model/rates.rs", "use pyo3::prelude::*;").len(), 1);
    assert_eq!(breaches("io/mod.rs", "use numpy::PyArray1;").len(), 1);
    assert_eq!(breaches("kernel/block.rs", "unsafe { f() }").len(), 1);
    assert_eq!(breaches("kernel/block.rs", "#![allow(unsafe_code)]").len(), 1);
    assert_eq!(breaches("python/model.rs", "unsafe { f() }").len(), 1);
}

#[test]
fn the_checker_allows_what_the_order_allows() {
    for (path, source) in [
        ("kernel/prune.rs", "use crate::problem::Tree; use super::block::Block;"),
        (
            "kernel/prune.rs",
            "//! See [`crate::model`].\nconst A: &str = \"crate::model::X unsafe\";",
        ),
        (
            "kernel/prune.rs",
            "fn f() {}\n#[cfg(test)]\nmod tests { use crate::io::newick; fn g() {} }",
        ),
        ("kernel/prune.rs", "const B: &str = r#\"use \"crate::model\"#;"),
        ("kernel/dispatch.rs", "#![allow(unsafe_code)] unsafe { f() }"),
        ("python/xla.rs", "#![allow(unsafe_code)] unsafe { f() }"),
        (
            "python/mod.rs",
            "use pyo3::prelude::*; use numpy::PyArray1; use crate::quantity::Q;",
        ),
        ("error/mod.rs", "fn f<'a>(x: &'a str) -> &'a str { x }"),
        ("lib.rs", "pub mod python;"),
    ] {
        assert_eq!(breaches(path, source), Vec::<String>::new(), "{path}: {source}");
    }
    assert_eq!(
        breaches("kernel/prune.rs", "#[cfg(test)] mod t { } use crate::model::X;").len(),
        1
    );
}

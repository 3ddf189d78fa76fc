//! Presence tables: every format as users write it, every way to get one wrong and what the message must say.
#![allow(clippy::unwrap_used)]

mod formats;
mod packed;
mod pairs;
mod random;
mod refusals;

use persiste_rust::error::TableError;
use persiste_rust::io::table::{ReadTable, TableOptions, read_table};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::PresenceTable;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that is gone when dropped.
pub(crate) struct Temporary(pub(crate) PathBuf);

impl Temporary {
    pub(crate) fn new(text: &[u8], name: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("persiste-{}-{number}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) fn read_with(
    text: &[u8],
    name: &str,
    format: Option<&str>,
    genomes_in_rows: bool,
) -> Result<ReadTable, TableError> {
    let file = Temporary::new(text, name);
    let is_tip = |name: &str| ["A", "B", "C", "D"].contains(&name);
    let options = TableOptions {
        format,
        genomes_in_rows,
    };
    read_table(&file.0, &options, &is_tip, &Monitor::new())
}

pub(crate) fn read(text: &str) -> ReadTable {
    read_with(text.as_bytes(), "table", None, false).unwrap()
}

pub(crate) fn in_rows(text: &str) -> ReadTable {
    read_with(text.as_bytes(), "table", None, true).unwrap()
}

pub(crate) fn refusal(text: &str) -> String {
    read_with(text.as_bytes(), "table", None, false)
        .unwrap_err()
        .to_string()
}

pub(crate) fn assert_refused(text: &str, parts: &[&str]) {
    let message = refusal(text);
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert!(!message.contains('\n'), "{message}");
}

/// Families and cells as text, one line a family: `f1 A=1 B=0 C=?`, genomes in order of name.
pub(crate) fn show(table: &PresenceTable) -> Vec<String> {
    let mut genomes: Vec<usize> = (0..table.n_genomes()).collect();
    genomes.sort_by_key(|&genome| &table.genomes()[genome]);
    let mut lines: Vec<String> = (0..table.n_families())
        .map(|family| {
            let bit = |words: &[u64], genome: usize| words[genome / 64] >> (genome % 64) & 1 == 1;
            let mut line = table.families().get(family).to_owned();
            for &genome in &genomes {
                let is_missing = table.missing(family).is_some_and(|words| bit(words, genome));
                let cell = match (bit(table.present(family), genome), is_missing) {
                    (true, false) => "1",
                    (false, false) => "0",
                    (false, true) => "?",
                    (true, true) => "both",
                };
                line += &format!(" {}={cell}", table.genomes()[genome]);
            }
            line
        })
        .collect();
    lines.sort();
    lines
}

pub(crate) const ROARY: &str = "\"Gene\",\"Non-unique Gene name\",\"Annotation\",\"No. isolates\",\"QC\",\"A\",\"B\",\"C\",\"Inference\"\r\n\
     \"g1\",\"\",\"a \"\"quoted\"\", comma\",\"2\",\"\",\"A_1\tA_2\",\"\",\"C_7\",\"x\"\r\n\
     \"g,2\",\"x\",\"two\r\nlines\",\"2\",\"\",\"\",\"B_1;B_2\",\"C_1 C_2\",\"y\"\r\n\
     \"g3\",\"\",\"\",\"0\",\"\",\"0\",\"1\",\"\",\"\"\r\n";

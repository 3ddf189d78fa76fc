//! The cases of the shared reference values.

use super::shared;
use persiste_rust::io::newick::{self, TreeOptions};
use persiste_rust::model::RootPrior;
use persiste_rust::problem::{MatchOptions, Matched, Names, PresenceTable, match_names};
use serde_json::Value;
use std::path::Path;

pub struct Case {
    pub id: String,
    pub params: Value,
    pub expected: Value,
    pub table: PresenceTable,
    pub matched: Matched,
}

pub fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Numbers are stored as strings of many digits.
pub fn number(value: &Value) -> f64 {
    value
        .as_str()
        .map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap())
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .map_or_else(|| vec![number(value)], |values| values.iter().map(number).collect())
}

pub fn load(folder: &Path) -> Case {
    let text = std::fs::read_to_string(folder.join("presence.tsv")).unwrap();
    let mut lines = text.lines();
    let families: Names = lines.next().unwrap().split('\t').skip(1).collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
    let genomes: Vec<String> = rows.iter().map(|row| row[0].to_owned()).collect();
    let cell = |(genome, family): (usize, usize)| match rows[genome][family + 1] {
        "0" => 0,
        "1" => 1,
        "?" => -1,
        other => panic!("cell {other}"),
    };
    let cells = ndarray::Array2::from_shape_fn((genomes.len(), families.len()), cell);
    let table = PresenceTable::from_matrix(cells.view(), genomes, families).unwrap();
    let tree = newick::read(&folder.join("tree.nwk"), &TreeOptions::default())
        .unwrap()
        .tree;
    let matched = match_names(tree, &table, MatchOptions::default()).unwrap();
    Case {
        id: folder.file_name().unwrap().to_string_lossy().into_owned(),
        params: json(&folder.join("params.json")),
        expected: json(&folder.join("expected.json")),
        table,
        matched,
    }
}

pub fn cases() -> Vec<Case> {
    let Some(folder) = shared("reference/cases") else {
        return Vec::new();
    };
    let mut folders: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 20, "only {} cases found", folders.len());
    folders.iter().map(|folder| load(folder)).collect()
}

pub fn case(id: &str) -> Option<Case> {
    Some(load(&shared(&format!("reference/cases/{id}"))?))
}

pub fn root(name: &str) -> RootPrior {
    RootPrior::parse(if name == "flat" { "equal" } else { name }).unwrap()
}

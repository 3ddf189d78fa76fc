//! The packed table by itself: what its builder keeps, drops and refuses.

use crate::show;
use ndarray::array;
use persiste_rust::error::TableError;
use persiste_rust::problem::{Names, PresenceTable, PresenceTableBuilder};

fn genomes(n: usize) -> Vec<String> {
    (0..n).map(|genome| format!("g{genome}")).collect()
}

fn families(n: usize) -> Names {
    (0..n).map(|family| format!("f{family}")).collect()
}

#[test]
fn a_matrix_is_packed_family_by_family() {
    let cells = array![[1_i8, 0, -1], [0, 0, 1]];
    let table = PresenceTable::from_matrix(cells.view(), genomes(2), families(3)).unwrap();
    assert_eq!(
        (table.n_genomes(), table.n_families(), table.words_per_family()),
        (2, 3, 1)
    );
    assert_eq!([table.present(0), table.present(1), table.present(2)], [[1], [0], [2]]);
    assert_eq!(
        (table.missing(0), table.missing(2), table.n_missing()),
        (Some(&[0][..]), Some(&[1][..]), 1)
    );
    let complete = PresenceTable::from_matrix(cells.slice(ndarray::s![.., ..2]), genomes(2), families(2)).unwrap();
    assert_eq!((complete.missing(0), complete.n_missing()), (None, 0));
}

#[test]
fn a_matrix_with_another_value_or_shape_is_refused() {
    let cells = array![[1_i8, 0], [0, 2], [0, -1]];
    let expected = "genome 'g1', family 'f1': found 2; allowed: 0 (absent), 1 (present), -1 (missing)";
    for turned in [
        cells.clone(),
        cells.t().as_standard_layout().into_owned().reversed_axes(),
    ] {
        let error = PresenceTable::from_matrix(turned.view(), genomes(3), families(2)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = PresenceTable::from_matrix(cells.t(), genomes(3), families(2)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the matrix is 2 x 3, but there are 3 genome names and 2 family"),
        "{error}"
    );
}

#[test]
fn a_matrix_without_genomes_or_families_is_refused() {
    let cells = ndarray::Array2::<i8>::zeros((0, 2));
    let result = PresenceTable::from_matrix(cells.view(), genomes(0), families(2));
    assert!(matches!(result, Err(TableError::NoGenomes)), "{result:?}");
    let result = PresenceTable::from_matrix(cells.t(), genomes(2), families(0));
    assert!(matches!(result, Err(TableError::NoFamilies)), "{result:?}");
}

#[test]
fn names_must_be_present_and_unique() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
    let result = PresenceTableBuilder::new(names(&["a", "b", "a"]));
    assert!(
        matches!(
            result,
            Err(TableError::DuplicateGenome {
                first: 1,
                second: 3,
                ..
            })
        ),
        "{result:?}"
    );
    let result = PresenceTableBuilder::new(names(&["a", ""]));
    assert!(
        matches!(result, Err(TableError::UnnamedGenome { genome: 2 })),
        "{result:?}"
    );
    let mut builder = PresenceTableBuilder::new(names(&["a"])).unwrap();
    builder.push_family("f", &[1], &[]).unwrap();
    let result = builder.push_family("f", &[0], &[]);
    assert!(
        matches!(
            result,
            Err(TableError::DuplicateFamily {
                first: 1,
                second: 2,
                ..
            })
        ),
        "{result:?}"
    );
    let result = builder.push_family("", &[0], &[]);
    assert!(
        matches!(result, Err(TableError::UnnamedFamily { family: 2 })),
        "{result:?}"
    );
}

#[test]
fn cells_that_are_not_packed_as_promised_are_refused() {
    let mut builder = PresenceTableBuilder::new(genomes(2)).unwrap();
    for (present, missing) in [
        (&[4_u64][..], &[][..]),
        (&[0], &[4]),
        (&[1], &[1]),
        (&[], &[]),
        (&[0, 0], &[]),
        (&[0], &[0, 0]),
    ] {
        let result = builder.push_family("f", present, missing);
        assert!(
            matches!(result, Err(TableError::PackedCells { words: 1, .. })),
            "{present:?} {missing:?}"
        );
    }
    builder.push_family("f", &[1], &[2]).unwrap();
}

#[test]
fn retained_genomes_keep_their_cells() {
    // Every third of 200 genomes, then a run: cells cross words at every offset.
    let keep: Vec<bool> = (0..200).map(|genome| genome % 3 == 0 || genome > 130).collect();
    let cells = ndarray::Array2::from_shape_fn((200, 5), |(genome, family)| ((genome * 7 + family * 11) % 3) as i8 - 1);
    let kept: Vec<usize> = (0..200).filter(|&genome| keep[genome]).collect();
    let names: Vec<String> = kept.iter().map(|&genome| format!("g{genome}")).collect();
    let expected =
        PresenceTable::from_matrix(cells.select(ndarray::Axis(0), &kept).view(), names, families(5)).unwrap();
    let whole = PresenceTable::from_matrix(cells.view(), genomes(200), families(5)).unwrap();
    let mut builder = PresenceTableBuilder::new(genomes(200)).unwrap();
    for family in 0..5 {
        let (present, missing) = (whole.present(family), whole.missing(family).unwrap_or(&[]));
        builder.push_family(&format!("f{family}"), present, missing).unwrap();
    }
    builder.retain_genomes(&keep);
    assert_eq!(show(&builder.finish().unwrap()), show(&expected));
}

#[test]
fn missing_cells_that_are_not_retained_leave_a_complete_table() {
    let mut builder = PresenceTableBuilder::new(genomes(3)).unwrap();
    builder.push_family("f0", &[1], &[]).unwrap();
    builder.push_family("f1", &[4], &[2]).unwrap();
    builder.push_family("f2", &[0], &[]).unwrap();
    builder.retain_genomes(&[true, false, true]);
    let table = builder.finish().unwrap();
    assert_eq!(table.missing(0), None);
    assert_eq!([table.present(0), table.present(1), table.present(2)], [[1], [2], [0]]);
}

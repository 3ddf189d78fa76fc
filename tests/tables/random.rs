//! Random tables, which must read back as they were written, and random bytes, which must not panic.

use crate::read_with;
use persiste_rust::problem::{Names, PresenceTable};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Cells of a random table: `[n_families][n_genomes]`, 0, 1 or 2 for missing.
fn matrices() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let cell = prop_oneof![6 => Just(0_u8), 6 => Just(1), 1 => Just(2)];
    (1..150_usize).prop_flat_map(move |n| prop::collection::vec(prop::collection::vec(cell.clone(), n), 1..100))
}

/// Writes a table; `corner` is all of the header before the first genome (or family), `quote` wraps each other field.
fn write(cells: &[Vec<u8>], transposed: bool, corner: &str, separator: &str, quote: &str) -> String {
    let turned: Vec<Vec<u8>> = (0..cells[0].len())
        .map(|genome| cells.iter().map(|row| row[genome]).collect())
        .collect();
    let (rows, row_name, column_name) = if transposed {
        (&turned[..], "g", "f")
    } else {
        (cells, "f", "g")
    };
    let wrap = |text: String| format!("{quote}{text}{quote}");
    let names = (0..rows[0].len()).map(|column| wrap(format!("{column_name}{column}")));
    let mut lines = vec![
        std::iter::once(corner.to_owned())
            .chain(names)
            .collect::<Vec<_>>()
            .join(separator),
    ];
    let n_between = corner.split(separator).count() - 1;
    for (index, row) in rows.iter().enumerate() {
        let mut fields = vec![wrap(format!("{row_name}{index}"))];
        fields.extend((0..n_between).map(|_| wrap(String::new())));
        fields.extend(
            row.iter()
                .map(|&cell| wrap(["0", "1", "?"][usize::from(cell)].to_owned())),
        );
        lines.push(fields.join(separator));
    }
    lines.join("\n")
}

fn from_cells(cells: &[Vec<u8>]) -> PresenceTable {
    let (n_families, n_genomes) = (cells.len(), cells[0].len());
    let matrix = ndarray::Array2::from_shape_fn((n_genomes, n_families), |(genome, family)| {
        match cells[family][genome] {
            2 => -1,
            cell => cell as i8,
        }
    });
    let genomes = (0..n_genomes).map(|genome| format!("g{genome}")).collect();
    let families: Names = (0..n_families).map(|family| format!("f{family}")).collect();
    let table = PresenceTable::from_matrix(matrix.view(), genomes, families.clone()).unwrap();
    // The other memory order and a reversed view read the same.
    let turned = matrix.t().as_standard_layout().into_owned();
    let same = PresenceTable::from_matrix(turned.t(), table.genomes().to_vec(), families).unwrap();
    assert_eq!(table, same);
    for (family, cells) in cells.iter().enumerate() {
        for (genome, &cell) in cells.iter().enumerate() {
            let bit = |words: &[u64]| words[genome / 64] >> (genome % 64) & 1 == 1;
            assert_eq!(bit(table.present(family)), cell == 1);
            assert_eq!(table.missing(family).is_some_and(bit), cell == 2);
        }
    }
    table
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn random_tables_read_back_equal_from_every_format(cells in matrices()) {
        let expected = from_cells(&cells);
        let roary = "Gene,Non-unique Gene name,Annotation";
        for (text, format, in_rows) in [
            (write(&cells, false, "Gene", "\t", ""), "rtab", false),
            (write(&cells, false, "id", "\t", ""), "tsv", false),
            (write(&cells, false, "", ",", ""), "csv", false),
            (write(&cells, false, "id", ",", "\""), "csv", false),
            (write(&cells, false, "id", "\t", "\""), "tsv", false),
            (write(&cells, false, roary, ",", "\""), "roary", false),
            (write(&cells, false, roary, ",", ""), "roary", false),
            (write(&cells, true, "id", "\t", ""), "tsv", true),
            (write(&cells, true, "Gene", ",", "\""), "csv", true),
        ] {
            let read = read_with(text.as_bytes(), "table", None, in_rows).unwrap();
            prop_assert_eq!(read.format, format);
            prop_assert_eq!(&read.table, &expected, "{}", format);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), in_rows: bool) {
        for format in [None, Some("rtab"), Some("tsv"), Some("csv"), Some("roary")] {
            let _ = read_with(&bytes, "table", format, in_rows);
        }
    }

    #[test]
    fn random_near_tables_never_panic(text in "(Gene|id|#id)?([\t,](A|B|x|Gene|Annotation|\"|)){0,6}(\r?\n(f|\"|#|[01.?-]|\t|,|\u{e9}){0,14}){0,6}", in_rows: bool) {
        for format in [None, Some("rtab"), Some("tsv"), Some("csv"), Some("roary")] {
            if let Err(error) = read_with(text.as_bytes(), "table", format, in_rows) {
                prop_assert!(!error.to_string().contains('\n'), "{}", error);
            }
        }
    }
}

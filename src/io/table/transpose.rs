//! Turning packed rows into packed columns, 64 x 64 bits at a time.

/// Transposes a square of bits: bit `j` of word `i` goes to bit `i` of word `j`.
///
/// Halves are exchanged across the diagonal, then quarters, down to single bits: Warren, Hacker's Delight (2nd ed.),
/// section 7-3.
pub(super) fn transpose(square: &mut [u64; 64]) {
    let mut width = 32;
    let mut low = u64::from(u32::MAX);
    while width > 0 {
        let mut row = 0;
        while row < 64 {
            let exchanged = ((square[row] >> width) ^ square[row + width]) & low;
            square[row] ^= exchanged << width;
            square[row + width] ^= exchanged;
            row = (row + width + 1) & !width;
        }
        width /= 2;
        low ^= low << width;
    }
}

/// Returns columns `64 * block .. 64 * block + 64` of packed rows of `n_words` words each.
///
/// `rows` is `[n_rows][n_words]`; the result is `[64][n_rows.div_ceil(64)]`. No rows stand for bits that are all 0.
pub(super) fn columns(rows: &[u64], n_rows: usize, n_words: usize, block: usize) -> Vec<u64> {
    let words_per_column = n_rows.div_ceil(64);
    let mut columns = vec![0; 64 * words_per_column];
    if rows.is_empty() {
        return columns;
    }
    for word in 0..words_per_column {
        let mut square = [0; 64];
        for (bits, row) in square.iter_mut().zip(64 * word..n_rows) {
            *bits = rows[row * n_words + block];
        }
        transpose(&mut square);
        for (column, &bits) in square.iter().enumerate() {
            columns[column * words_per_column + word] = bits;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_goes_to_its_mirror_place() {
        // A full-period generator (Knuth's MMIX constants) fills the square.
        let mut state = 1_u64;
        let square: [u64; 64] = std::array::from_fn(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        });
        let mut transposed = square;
        transpose(&mut transposed);
        for (i, row) in square.iter().enumerate() {
            for (j, column) in transposed.iter().enumerate() {
                assert_eq!(row >> j & 1, column >> i & 1, "row {i}, column {j}");
            }
        }
    }
}

//! Arithmetic on four pairs of doubles at a time, and its meaning in plain Rust.

/// Likelihoods given state 0 and state 1.
pub(super) type Pair = [f64; 2];

/// Entries of a table that is gathered from: as many as a [`Place`] can name, so that none needs a check.
pub(super) const ENTRIES: usize = (1 << 15) + 1;

/// Twice the number of a table's entry, which is how far its first double stands from the table's.
pub(super) type Place = u16;

/// Arithmetic on four pairs at once, element by element.
pub(super) trait Simd: Copy {
    /// Four pairs.
    type Quad: Copy;

    /// Returns the same pair four times.
    fn splat(self, pair: Pair) -> Self::Quad;

    /// Returns four neighbouring pairs.
    fn load(self, from: &[Pair; 4]) -> Self::Quad;

    /// Returns the four pairs at these places.
    fn gather(self, from: &[Pair; ENTRIES], at: &[Place; 4]) -> Self::Quad;

    /// Writes four pairs.
    fn store(self, quad: Self::Quad, to: &mut [Pair; 4]);

    /// Adds each of four pairs to the entry at its place, one after the other.
    fn scatter_add(self, quad: Self::Quad, to: &mut [Pair; ENTRIES], at: &[Place; 4]);

    /// Returns the products.
    fn mul(self, a: Self::Quad, b: Self::Quad) -> Self::Quad;

    /// Returns the sums.
    fn add(self, a: Self::Quad, b: Self::Quad) -> Self::Quad;

    /// Exchanges the two numbers of each pair.
    fn swap(self, quad: Self::Quad) -> Self::Quad;

    /// Returns the differences.
    fn sub(self, a: Self::Quad, b: Self::Quad) -> Self::Quad;

    /// Returns `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Quad, b: Self::Quad, c: Self::Quad) -> Self::Quad;

    /// Returns the numbers of `a` where a bit is set, from the lowest on, and else those of `b`.
    fn select(self, bits: u8, a: Self::Quad, b: Self::Quad) -> Self::Quad;
}

/// A loop to be compiled for each instruction set; `run` and all it calls must be `#[inline(always)]`.
pub(super) trait Work {
    /// What the loop returns.
    type Output;

    /// Runs the loop.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Plain Rust, for every processor; the meaning of the other implementations.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    type Quad = [Pair; 4];

    #[inline(always)]
    fn splat(self, pair: Pair) -> [Pair; 4] {
        [pair; 4]
    }

    #[inline(always)]
    fn load(self, from: &[Pair; 4]) -> [Pair; 4] {
        *from
    }

    #[inline(always)]
    fn gather(self, from: &[Pair; ENTRIES], at: &[Place; 4]) -> [Pair; 4] {
        at.map(|place| from[place as usize / 2])
    }

    #[inline(always)]
    fn store(self, quad: [Pair; 4], to: &mut [Pair; 4]) {
        *to = quad;
    }

    #[inline(always)]
    fn scatter_add(self, quad: [Pair; 4], to: &mut [Pair; ENTRIES], at: &[Place; 4]) {
        for (pair, &place) in quad.into_iter().zip(at) {
            let [x, y] = to[place as usize / 2];
            to[place as usize / 2] = [x + pair[0], y + pair[1]];
        }
    }

    #[inline(always)]
    fn mul(self, a: [Pair; 4], b: [Pair; 4]) -> [Pair; 4] {
        std::array::from_fn(|i| [a[i][0] * b[i][0], a[i][1] * b[i][1]])
    }

    #[inline(always)]
    fn add(self, a: [Pair; 4], b: [Pair; 4]) -> [Pair; 4] {
        std::array::from_fn(|i| [a[i][0] + b[i][0], a[i][1] + b[i][1]])
    }

    #[inline(always)]
    fn swap(self, quad: [Pair; 4]) -> [Pair; 4] {
        quad.map(|[x, y]| [y, x])
    }

    #[inline(always)]
    fn sub(self, a: [Pair; 4], b: [Pair; 4]) -> [Pair; 4] {
        std::array::from_fn(|i| [a[i][0] - b[i][0], a[i][1] - b[i][1]])
    }

    #[inline(always)]
    fn mul_add(self, a: [Pair; 4], b: [Pair; 4], c: [Pair; 4]) -> [Pair; 4] {
        std::array::from_fn(|i| [0, 1].map(|j| a[i][j].mul_add(b[i][j], c[i][j])))
    }

    #[inline(always)]
    fn select(self, bits: u8, a: [Pair; 4], b: [Pair; 4]) -> [Pair; 4] {
        std::array::from_fn(|i| [0, 1].map(|j| if bits >> (2 * i + j) & 1 != 0 { a[i][j] } else { b[i][j] }))
    }
}

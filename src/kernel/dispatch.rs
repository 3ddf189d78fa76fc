//! Runs a loop with the widest vector instructions of this processor: the only file with `unsafe`.
//!
//! Each loop is plain Rust over four pairs of doubles at a time, generic over [`Simd`], whose implementations are thin
//! shells around one instruction each; everything is inlined into one function an instruction set. No operation is
//! reordered, or fused where the source does not say so, so all instruction sets give the same bits. What was tried is
//! in benches/RESULTS.md.
#![allow(unsafe_code)]

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

/// Runs `work` with the best instruction set that this processor has.
#[inline]
pub(super) fn run<T: Work>(work: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    {
        let has_fma = std::arch::is_x86_feature_detected!("fma");
        if has_fma
            && std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: the five features that the function enables were just detected on this processor.
            return unsafe { x86::run_avx512(work) };
        }
        if has_fma && std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the two features that the function enables were just detected on this processor.
            return unsafe { x86::run_avx2(work) };
        }
    }
    work.run(Portable)
}

/// Runs the same work with every instruction set that this processor has, plain Rust first.
#[cfg(test)]
pub(super) fn run_each<T: Work>(make: impl Fn() -> T) -> Vec<T::Output> {
    let mut outputs = vec![make().run(Portable)];
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("fma") && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the two features that the function enables were just detected on this processor.
        outputs.push(unsafe { x86::run_avx2(make()) });
    }
    outputs.push(run(make()));
    outputs
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

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{ENTRIES, Pair, Place, Simd, Work};
    use std::arch::x86_64::*;

    /// AVX-512: four pairs in one register. Made only by [`run_avx512`].
    #[derive(Clone, Copy)]
    struct Avx512(());

    /// AVX2: four pairs in two registers. Made only by [`run_avx2`].
    #[derive(Clone, Copy)]
    struct Avx2(());

    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
    pub(super) fn run_avx512<T: Work>(work: T) -> T::Output {
        work.run(Avx512(()))
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run_avx2<T: Work>(work: T) -> T::Output {
        work.run(Avx2(()))
    }

    // SAFETY of both implementations: a value of the type exists only below the function of its name, which runs only
    // where its instructions were detected; loads and stores go through references to arrays of their exact size.

    impl Simd for Avx512 {
        type Quad = __m512d;

        #[inline(always)]
        fn splat(self, pair: Pair) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_broadcast_f64x2(_mm_loadu_pd(pair.as_ptr())) }
        }

        #[inline(always)]
        fn load(self, from: &[Pair; 4]) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_loadu_pd(from.as_ptr().cast()) }
        }

        #[inline(always)]
        fn gather(self, from: &[Pair; ENTRIES], at: &[Place; 4]) -> __m512d {
            // SAFETY: see above; two doubles from any 16-bit place on stay within ENTRIES pairs.
            unsafe {
                let pair = |lane: usize| _mm_loadu_pd(from.as_ptr().cast::<f64>().add(at[lane] as usize));
                let low = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(pair(0)), pair(1));
                let high = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(pair(2)), pair(3));
                _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(low), high)
            }
        }

        #[inline(always)]
        fn store(self, quad: __m512d, to: &mut [Pair; 4]) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_pd(to.as_mut_ptr().cast(), quad) }
        }

        #[inline(always)]
        fn scatter_add(self, quad: __m512d, to: &mut [Pair; ENTRIES], at: &[Place; 4]) {
            // SAFETY: see above; two doubles from any 16-bit place on stay within ENTRIES pairs.
            unsafe {
                let parts = [
                    _mm512_castpd512_pd128(quad),
                    _mm512_extractf64x2_pd::<1>(quad),
                    _mm512_extractf64x2_pd::<2>(quad),
                    _mm512_extractf64x2_pd::<3>(quad),
                ];
                for (part, &place) in parts.into_iter().zip(at) {
                    let entry = to.as_mut_ptr().cast::<f64>().add(place as usize);
                    _mm_storeu_pd(entry, _mm_add_pd(_mm_loadu_pd(entry), part));
                }
            }
        }

        #[inline(always)]
        fn mul(self, a: __m512d, b: __m512d) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_mul_pd(a, b) }
        }

        #[inline(always)]
        fn add(self, a: __m512d, b: __m512d) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_add_pd(a, b) }
        }

        #[inline(always)]
        fn swap(self, quad: __m512d) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_permute_pd::<0b0101_0101>(quad) }
        }

        #[inline(always)]
        fn sub(self, a: __m512d, b: __m512d) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_sub_pd(a, b) }
        }

        #[inline(always)]
        fn mul_add(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_fmadd_pd(a, b, c) }
        }

        #[inline(always)]
        fn select(self, bits: u8, a: __m512d, b: __m512d) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_mask_blend_pd(bits, b, a) }
        }
    }

    impl Simd for Avx2 {
        type Quad = [__m256d; 2];

        #[inline(always)]
        fn splat(self, pair: Pair) -> [__m256d; 2] {
            // SAFETY: see above.
            let half = unsafe { _mm256_set_pd(pair[1], pair[0], pair[1], pair[0]) };
            [half, half]
        }

        #[inline(always)]
        fn load(self, from: &[Pair; 4]) -> [__m256d; 2] {
            // SAFETY: see above; two pairs are 32 bytes.
            unsafe {
                [
                    _mm256_loadu_pd(from.as_ptr().cast()),
                    _mm256_loadu_pd(from[2..].as_ptr().cast()),
                ]
            }
        }

        #[inline(always)]
        fn gather(self, from: &[Pair; ENTRIES], at: &[Place; 4]) -> [__m256d; 2] {
            // SAFETY: see above; two doubles from any 16-bit place on stay within ENTRIES pairs.
            unsafe {
                let pair = |lane: usize| _mm_loadu_pd(from.as_ptr().cast::<f64>().add(at[lane] as usize));
                [
                    _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(pair(0)), pair(1)),
                    _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(pair(2)), pair(3)),
                ]
            }
        }

        #[inline(always)]
        fn store(self, quad: [__m256d; 2], to: &mut [Pair; 4]) {
            // SAFETY: see above; two pairs are 32 bytes.
            unsafe {
                _mm256_storeu_pd(to.as_mut_ptr().cast(), quad[0]);
                _mm256_storeu_pd(to[2..].as_mut_ptr().cast(), quad[1]);
            }
        }

        #[inline(always)]
        fn scatter_add(self, quad: [__m256d; 2], to: &mut [Pair; ENTRIES], at: &[Place; 4]) {
            // SAFETY: see above; two doubles from any 16-bit place on stay within ENTRIES pairs.
            unsafe {
                let parts = [
                    _mm256_castpd256_pd128(quad[0]),
                    _mm256_extractf128_pd::<1>(quad[0]),
                    _mm256_castpd256_pd128(quad[1]),
                    _mm256_extractf128_pd::<1>(quad[1]),
                ];
                for (part, &place) in parts.into_iter().zip(at) {
                    let entry = to.as_mut_ptr().cast::<f64>().add(place as usize);
                    _mm_storeu_pd(entry, _mm_add_pd(_mm_loadu_pd(entry), part));
                }
            }
        }

        #[inline(always)]
        fn mul(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
            // SAFETY: see above.
            unsafe { [_mm256_mul_pd(a[0], b[0]), _mm256_mul_pd(a[1], b[1])] }
        }

        #[inline(always)]
        fn add(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
            // SAFETY: see above.
            unsafe { [_mm256_add_pd(a[0], b[0]), _mm256_add_pd(a[1], b[1])] }
        }

        #[inline(always)]
        fn swap(self, quad: [__m256d; 2]) -> [__m256d; 2] {
            // SAFETY: see above.
            unsafe {
                [
                    _mm256_permute_pd::<0b0101>(quad[0]),
                    _mm256_permute_pd::<0b0101>(quad[1]),
                ]
            }
        }

        #[inline(always)]
        fn sub(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
            // SAFETY: see above.
            unsafe { [_mm256_sub_pd(a[0], b[0]), _mm256_sub_pd(a[1], b[1])] }
        }

        #[inline(always)]
        fn mul_add(self, a: [__m256d; 2], b: [__m256d; 2], c: [__m256d; 2]) -> [__m256d; 2] {
            // SAFETY: see above.
            unsafe { [_mm256_fmadd_pd(a[0], b[0], c[0]), _mm256_fmadd_pd(a[1], b[1], c[1])] }
        }

        #[inline(always)]
        fn select(self, bits: u8, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
            // SAFETY: see above.
            unsafe {
                let bits = _mm256_set1_epi64x(i64::from(bits));
                let half = |lanes: __m256i, a: __m256d, b: __m256d| {
                    let chosen = _mm256_cmpeq_epi64(_mm256_and_si256(bits, lanes), lanes);
                    _mm256_blendv_pd(b, a, _mm256_castsi256_pd(chosen))
                };
                [
                    half(_mm256_set_epi64x(8, 4, 2, 1), a[0], b[0]),
                    half(_mm256_set_epi64x(128, 64, 32, 16), a[1], b[1]),
                ]
            }
        }
    }
}

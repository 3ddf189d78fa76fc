//! The pangenome accumulation curve: families seen in m genomes, and new ones that the m-th brings.
//!
//! Of n genomes, a subset of m drawn at random misses a family present in k with probability `C(n - k, m) / C(n, m)`:
//!
//! ```text
//! seen(m) = sum_k s_k (1 - C(n - k, m) / C(n, m))        new(m) = seen(m) - seen(m - 1)
//! ```
//!
//! with s the spectrum: the observed one gives the mean over all subsets exactly, without drawing any; the expected one
//! gives the expectation exactly, seen(m) being linear in it. With conditioning on what is recorded, families that the
//! n genomes do not show are in neither curve.
//!
//! The standard deviation is that of the mean over subsets when families are drawn anew,
//! `sum_f var(g_m(K_f))` with `g_m(k)` the bracket above; it is exact where all families follow one law, and too
//! large, not too small, where they do not.
//!
//! Axis: number of genomes, 0 to n. Unit: families.
//!
//! Source: Hurlbert 1971, doi:10.2307/1934145 (rarefaction); Tettelin et al. 2008, doi:10.1016/j.mib.2008.09.006.

/// The curve for one spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulation {
    /// Families seen in m genomes, `[n_tips + 1]`.
    pub seen: Vec<f64>,
    /// The standard deviation, `[n_tips + 1]`.
    pub sd: Vec<f64>,
}

/// Returns the curve of a spectrum: the number of families present in each number of genomes, `[n_tips + 1]`.
///
/// ```
/// use persiste_rust::quantity::accumulation::accumulation;
///
/// // Three genomes; two families in one of them, one family in all.
/// let seen = accumulation(&[0.0, 2.0, 0.0, 1.0]).seen;
/// assert!(seen.iter().zip([0.0, 5.0 / 3.0, 7.0 / 3.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-12));
/// ```
#[must_use]
pub fn accumulation(spectrum: &[f64]) -> Accumulation {
    let n = spectrum.len() - 1;
    let n_families: f64 = spectrum.iter().sum();
    // Probability that m genomes miss a family present in k, for each k.
    let mut missed = vec![1.0; n + 1];
    let mut curve = Accumulation {
        seen: Vec::with_capacity(n + 1),
        sd: Vec::with_capacity(n + 1),
    };
    for m in 0..=n {
        if m > 0 {
            for (k, missed) in missed.iter_mut().enumerate() {
                let left = (n + 1).saturating_sub(k + m);
                *missed *= left as f64 / (n + 1 - m) as f64;
            }
        }
        let (mut seen, mut second) = (0.0, 0.0);
        for (count, missed) in spectrum.iter().zip(&missed) {
            let share = 1.0 - missed;
            seen += count * share;
            second += count * share * share;
        }
        let variance = if n_families > 0.0 {
            second - seen * seen / n_families
        } else {
            0.0
        };
        curve.seen.push(seen);
        // What is less than a rounding of the sum is rounding.
        let is_certain = variance <= 4.0 * f64::EPSILON * second;
        curve.sd.push(if is_certain { 0.0 } else { variance.sqrt() });
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curve_is_the_mean_over_all_subsets() {
        let families: [u32; 5] = [0b00001, 0b11111, 0b01010, 0b10000, 0b01110];
        let n = 5;
        let mut spectrum = vec![0.0; n + 1];
        for family in families {
            spectrum[family.count_ones() as usize] += 1.0;
        }
        let curve = accumulation(&spectrum);
        for m in 0..=n {
            let subsets: Vec<u32> = (0..1_u32 << n).filter(|set| set.count_ones() as usize == m).collect();
            let seen = |set: u32| families.iter().filter(|&family| family & set != 0).count();
            let mean = subsets.iter().map(|&set| seen(set) as f64).sum::<f64>() / subsets.len() as f64;
            assert!((curve.seen[m] - mean).abs() < 1e-12, "{m}");
        }
        assert_eq!((curve.sd[0], curve.sd[n]), (0.0, 0.0));
    }
}

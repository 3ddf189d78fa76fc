//! Numbers and times of changes against distributions that are computed another way.

use super::*;

/// Probabilities of 0, 1, 2, ... changes that end as `below`: point by point of uniformisation.
fn distribution(chain: Chain, above: usize, below: usize) -> Vec<f64> {
    let (fastest, mean) = (chain.gain.max(chain.loss), chain.points());
    let leaves = [chain.gain / fastest, chain.loss / fastest];
    let n = (mean + 12.0 * mean.sqrt()) as usize + 30;
    // By number of changes; the state follows from it.
    let mut now = vec![0.0; n + 2];
    now[0] = 1.0;
    let mut found = vec![0.0; n + 2];
    let mut log_poisson = -mean;
    for point in 0..n {
        for (sum, value) in found.iter_mut().zip(&now) {
            *sum += log_poisson.exp() * value;
        }
        log_poisson += (mean / (point + 1) as f64).ln();
        for changes in (0..=point).rev() {
            let moved = now[changes] * leaves[(above + changes) % 2];
            now[changes + 1] += moved;
            now[changes] -= moved;
        }
    }
    let ends_well = |(changes, value): (usize, f64)| if (above + changes) % 2 == below { value } else { 0.0 };
    let found: Vec<f64> = found.into_iter().enumerate().map(ends_well).collect();
    let total: f64 = found.iter().sum();
    found.into_iter().map(|value| value / total).collect()
}

/// Chi-squared of counts, in standard deviations from its mean; classes below five expected draws are joined.
fn surprise(counts: &[f64], shares: &[f64]) -> f64 {
    let n: f64 = counts.iter().sum();
    let (mut statistic, mut classes, mut found, mut expected) = (0.0, 0, 0.0, 0.0);
    let mut rest = (n, n);
    for (count, share) in counts.iter().zip(shares) {
        (found, expected) = (found + count, expected + n * share);
        rest = (rest.0 - count, rest.1 - n * share);
        if expected >= 5.0 && rest.1 >= 5.0 {
            statistic += (found - expected).powi(2) / expected;
            (found, expected, classes) = (0.0, 0.0, classes + 1);
        }
    }
    let (found, expected) = (found + rest.0, expected + rest.1);
    if expected > 0.0 {
        statistic += (found - expected).powi(2) / expected;
    }
    if classes == 0 {
        return 0.0;
    }
    (statistic - f64::from(classes)) / (2.0 * f64::from(classes)).sqrt()
}

const CHAINS: [(f64, f64, f64); 9] = [
    (0.3, 1.2, 0.8),
    (2.0, 0.5, 1.0),
    (1.0, 1.0, 3.0),
    (0.02, 9.0, 3.0),
    (9.0, 0.02, 3.0),
    (31.0, 20.0, 1.0),
    (30.0, 70.0, 2.0),
    (0.5, 900.0, 1.0),
    (1500.0, 1200.0, 2.0),
];

#[test]
fn numbers_of_changes_have_the_distribution_of_the_chain() {
    let mut random = Random::new(17);
    for (gain, loss, length) in CHAINS {
        let chain = Chain { gain, loss, length };
        let bridge = Bridge::new(chain);
        for (above, below) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let shares = distribution(chain, above, below);
            let mut counts = vec![0.0; shares.len()];
            for _ in 0..20_000 {
                let [gains, losses] = bridge.events(above, below, &mut random);
                assert_eq!(gains + above as u64, losses + below as u64);
                counts[(gains + losses) as usize] += 1.0;
            }
            let surprise = surprise(&counts, &shares);
            // 36 comparisons; 4.5 standard deviations of a chi-squared of few classes happen once in thousands.
            assert!(surprise.abs() < 4.5, "{chain:?} {above}{below}: {surprise}");
        }
    }
}

#[test]
fn each_way_of_drawing_is_met() {
    let way = |gain, loss, length| Bridge::new(Chain { gain, loss, length }).way;
    assert!(matches!(way(1.0, 1.0, 3.0), Way::Table(_)));
    assert!(matches!(way(30.0, 70.0, 2.0), Way::Pieces));
    assert!(matches!(way(1500.0, 1200.0, 2.0), Way::Forward));
    assert!(matches!(way(0.0, 1200.0, 2.0), Way::Table(_)));
}

#[test]
fn nothing_returns_where_a_rate_or_the_length_is_zero() {
    let mut random = Random::new(2);
    for (gain, loss, length) in [(0.0, 2.0, 1.0), (2.0, 0.0, 1e9), (0.0, 0.0, 1.0), (3.0, 2.0, 0.0)] {
        let bridge = Bridge::new(Chain { gain, loss, length });
        for (above, below) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert_eq!(bridge.further(above, below), 0.0);
            let expected = [u64::from(above < below), u64::from(above > below)];
            assert_eq!(bridge.events(above, below, &mut random), expected);
        }
    }
}

#[test]
fn huge_branches_and_rare_ends_end() {
    let mut random = Random::new(4);
    for (gain, loss, length) in [(1e-300, 1e5, 1e3), (3.0, 2.0, 1e11), (1e9, 1e-9, 5.0), (1e-3, 1e8, 1.0)] {
        let chain = Chain { gain, loss, length };
        let bridge = Bridge::new(chain);
        let mean = gain / (gain + loss) * loss * length;
        for (above, below) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let [gains, losses] = bridge.events(above, below, &mut random);
            assert_eq!(gains + above as u64, losses + below as u64);
            // Six standard deviations, at most those of a Poisson number, and the ends.
            assert!(
                (gains as f64 - mean).abs() < 6.0 * mean.sqrt() + 40.0,
                "{chain:?} {gains} {mean}"
            );
        }
    }
}

/// The density of the share in state 1, by midpoints in so many classes.
fn share_distribution(chain: Chain, path: TimePresent, n_classes: usize) -> Vec<f64> {
    let (absent, present) = match path.above {
        0 => (path.changes / 2 + 1, path.changes.div_ceil(2)),
        _ => (path.changes.div_ceil(2), path.changes / 2 + 1),
    };
    let log_density = |v: f64| {
        let powers = (present - 1) as f64 * v.ln() + (absent - 1) as f64 * (1.0 - v).ln();
        powers - (chain.loss - chain.gain) * chain.length * v
    };
    let steps = 400;
    let n = n_classes * steps;
    let logs: Vec<f64> = (0..n).map(|i| log_density((i as f64 + 0.5) / n as f64)).collect();
    let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let class = |part: &[f64]| part.iter().map(|log| (log - greatest).exp()).sum::<f64>();
    let classes: Vec<f64> = logs.chunks(steps).map(class).collect();
    let total: f64 = classes.iter().sum();
    classes.into_iter().map(|value| value / total).collect()
}

#[test]
fn time_present_has_the_density_of_the_chain() {
    let mut random = Random::new(23);
    for (gain, loss, length) in [(0.3, 1.2, 0.8), (5.0, 0.1, 2.0), (1.0, 1.0, 1.0), (0.1, 40.0, 1.0)] {
        let chain = Chain { gain, loss, length };
        for (above, changes) in [(0, 1), (1, 1), (0, 2), (1, 2), (0, 5), (1, 6), (0, 60)] {
            let path = TimePresent { above, changes };
            let shares = share_distribution(chain, path, 200);
            let mut counts = vec![0.0; 200];
            for _ in 0..20_000 {
                counts[((path.draw(chain, &mut random) * 200.0) as usize).min(199)] += 1.0;
            }
            let surprise = surprise(&counts, &shares);
            assert!(surprise.abs() < 4.5, "{chain:?} {path:?}: {surprise}");
        }
    }
    let stays = TimePresent { above: 1, changes: 0 };
    let chain = Chain {
        gain: 1.0,
        loss: 1.0,
        length: 1.0,
    };
    assert_eq!(stays.draw(chain, &mut random), 1.0);
}

#[test]
fn times_of_changes_ascend_and_make_up_the_time_present() {
    let mut random = Random::new(29);
    let mut times = Vec::new();
    for changes in 0..40 {
        let path = TimePresent {
            above: changes as usize % 2,
            changes,
        };
        let present = if changes == 0 { path.above as f64 } else { 0.3 };
        change_times(path, present, &mut random, &mut times);
        assert_eq!(times.len() as u64, changes);
        assert!(times.is_sorted());
        let ends = [&[0.0][..], &times, &[1.0]].concat();
        let of_state = ends.windows(2).skip(1 - path.above).step_by(2);
        let sum: f64 = of_state.map(|pair| pair[1] - pair[0]).sum();
        assert!((sum - present).abs() < 1e-12, "{path:?} {sum}");
    }
}

//! Squared distances between profiles.

/// Profiles whose distances are computed at once.
const LANES: usize = 8;

/// Returns the squared distance, summed over columns in ascending order.
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Profiles laid out so that the distances of one row to several of them are computed at once.
pub(super) struct Lanes {
    n_profiles: usize,
    n_columns: usize,
    /// `[n_profiles / LANES][n_columns]`, zeros where there is no profile.
    groups: Vec<[f64; LANES]>,
}

impl Lanes {
    pub(super) fn new(profiles: &[f64], n_columns: usize) -> Self {
        let n_profiles = profiles.len() / n_columns;
        let mut groups = vec![[0.0; LANES]; n_profiles.div_ceil(LANES) * n_columns];
        for (place, &value) in profiles.iter().enumerate() {
            let (profile, column) = (place / n_columns, place % n_columns);
            groups[profile / LANES * n_columns + column][profile % LANES] = value;
        }
        Self {
            n_profiles,
            n_columns,
            groups,
        }
    }

    /// Hands over the squared distance of `row` to each profile, each summed over columns in ascending order.
    pub(super) fn squared_distances(&self, row: &[f64], mut take: impl FnMut(f64)) {
        for (group, profiles) in self.groups.chunks_exact(self.n_columns).enumerate() {
            let mut sums = [0.0; LANES];
            for (lanes, &value) in profiles.iter().zip(row) {
                for (sum, &lane) in sums.iter_mut().zip(lanes) {
                    let difference = lane - value;
                    *sum += difference * difference;
                }
            }
            let n_here = LANES.min(self.n_profiles - group * LANES);
            sums[..n_here].iter().for_each(|&sum| take(sum));
        }
    }
}

/// Returns the nearest of the profiles, the first of equal ones.
pub(super) fn nearest(profiles: &Lanes, row: &[f64]) -> usize {
    let (mut best, mut least, mut profile) = (0, f64::INFINITY, 0);
    profiles.squared_distances(row, |distance| {
        if distance < least {
            (best, least) = (profile, distance);
        }
        profile += 1;
    });
    best
}

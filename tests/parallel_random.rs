//! Random numbers of the parallel toolkit: published streams, fair draws, one stream for each sample.
#![allow(clippy::unwrap_used)]

mod common;

use common::workers;
use persiste_rust::error::ParallelError;
use persiste_rust::parallel::{Random, monte_carlo, stream_seed};
use std::collections::HashSet;
use std::sync::Mutex;

#[test]
fn numbers_are_those_of_published_generators_for_ever() {
    // rand_xoshiro 0.8.1: Xoshiro256PlusPlus::seed_from_u64(seed), next_u64() four times.
    for (seed, expected) in [
        (
            0,
            [
                5_987_356_902_031_041_503,
                7_051_070_477_665_621_255,
                6_633_766_593_972_829_180,
                211_316_841_551_650_330,
            ],
        ),
        (
            42,
            [
                15_021_278_609_987_233_951,
                5_881_210_131_331_364_753,
                18_149_643_915_985_481_100,
                12_933_668_939_759_105_464,
            ],
        ),
        (
            u64::MAX,
            [
                6_254_647_548_650_071_986,
                16_610_832_622_747_802_512,
                16_422_857_234_328_439_435,
                5_048_281_510_058_307_187,
            ],
        ),
    ] {
        let mut random = Random::new(seed);
        assert_eq!([(); 4].map(|()| random.next_u64()), expected);
    }
    // rand_xoshiro 0.8.1: SplitMix64::from_seed(42).next_u64() is the state of item 0; of that, outputs 0 and 1.
    let item = 13_679_457_532_755_275_413_u64;
    let mut state = item;
    for sample in 0..2 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let first = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let second = (first ^ (first >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        assert_eq!(stream_seed(42, 0, sample), second ^ (second >> 31));
    }
}

#[test]
fn no_two_samples_share_a_stream() {
    let seeds: HashSet<u64> = (0..300)
        .flat_map(|i| (0..300).map(move |s| stream_seed(5, i, s)))
        .collect();
    assert_eq!(seeds.len(), 90_000);
}

#[test]
fn numbers_below_a_bound_and_orders_are_equally_likely() {
    let (mut random, n) = (Random::new(11), 60_000);
    let mut counts = [[0_u32; 6]; 2];
    for _ in 0..n {
        counts[0][random.below(std::num::NonZero::new(6).unwrap()) as usize] += 1;
        let mut order = [0, 1, 2];
        random.shuffle(&mut order);
        counts[1][[[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
            .iter()
            .position(|o| *o == order)
            .unwrap()] += 1;
    }
    for of_kind in counts {
        let expected = f64::from(n) / 6.0;
        let chi_squared: f64 = of_kind
            .iter()
            .map(|&count| (f64::from(count) - expected).powi(2) / expected)
            .sum();
        assert!(chi_squared < 20.5, "{of_kind:?}"); // the 99.9 % point with 5 degrees of freedom
    }
}

#[test]
fn each_sample_has_the_generator_of_its_seed_item_and_sample() {
    let seen = Mutex::new(Vec::new());
    let record = |&item: &usize, random: &mut Random| -> Result<Vec<f64>, ParallelError> {
        seen.lock().unwrap().push((item, random.next_u64()));
        Ok(vec![])
    };
    monte_carlo(&workers(3), &[0, 1], 3, 8, &[], record).unwrap();
    let mut seen = seen.into_inner().unwrap();
    let mut expected: Vec<_> = (0..2)
        .flat_map(|i| (0..3).map(move |s| (i, Random::of(8, i, s).next_u64())))
        .collect();
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

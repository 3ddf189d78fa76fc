//! What cannot be simulated is refused in one sentence.

use crate::Setting;
use crate::common::{Random, names, problem, tree, workers};
use persiste_rust::error::SimulateError;
use persiste_rust::model::{Ascertainment, RootPrior};
use persiste_rust::parallel::Monitor;
use persiste_rust::problem::Tree;
use persiste_rust::simulate::{Missing, Simulation};

fn refused(tree: &Tree, setting: &Setting, parameters: &[f64], missing: Missing<'_>, n_families: usize) -> String {
    let specification = setting.specification(tree, n_families);
    let names = (0..n_families).map(|family| format!("f{family}")).collect();
    let simulation = Simulation {
        tree,
        specification: &specification,
        parameters,
        missing,
        seed: 1,
        wants_truth: parameters[0] > 20.0,
    };
    let error: SimulateError = simulation.run(&names, &workers(2), &Monitor::new()).unwrap_err();
    error.to_string()
}

#[test]
fn each_refusal_names_what_is_wrong() {
    let tree = tree("((a:0.7,b:2.0):0.4,c:3.0);");
    let mut setting = Setting::plain(&tree, Ascertainment::Observed);
    let message = refused(&tree, &setting, &[-1.0], Missing::None, 3);
    assert!(message.contains("log_loss") && message.contains("found 1"), "{message}");
    let message = refused(&tree, &setting, &[f64::NAN, 0.0], Missing::None, 3);
    assert!(message.contains("log_gain is NaN"), "{message}");
    for rate in [-0.1, 1.0, f64::NAN] {
        let message = refused(&tree, &setting, &[0.0, 0.0], Missing::Rate(rate), 3);
        assert!(message.contains(&format!("is {rate}")), "{message}");
    }
    let message = refused(&tree, &setting, &[f64::NEG_INFINITY, 0.0], Missing::None, 3);
    assert!(
        message.contains("probability is 0") && message.contains("observed"),
        "{message}"
    );
    let message = refused(&tree, &setting, &[30.0, 0.0], Missing::None, 3);
    assert!(message.contains("node 0") && message.contains("1e9"), "{message}");
    let message = refused(&tree, &setting, &[0.0, 0.0], Missing::None, 0);
    assert!(message.contains("n_families is 0"), "{message}");
    setting.ascertainment = Ascertainment::None;
    setting.root = RootPrior::FitzJohn;
    let message = refused(&tree, &setting, &[0.0, 0.0], Missing::None, 3);
    assert!(message.contains("fitzjohn"), "{message}");
}

#[test]
fn cells_that_hide_everything_are_blamed() {
    let tree = tree("((a:0.7,b:2.0):0.4,c:3.0);");
    let (hidden, _) = problem(&tree, &names(&tree), &[vec![-1, -1, -1]]);
    let setting = Setting::plain(&tree, Ascertainment::Observed);
    let message = refused(&tree, &setting, &[0.0, 0.0], Missing::Like(hidden.patterns()), 3);
    assert!(message.contains("family 1") && message.contains("missing"), "{message}");
    let other = crate::common::tree("(a:1,b:1);");
    let message = refused(
        &other,
        &Setting::plain(&other, Ascertainment::Observed),
        &[0.0, 0.0],
        Missing::Like(hidden.patterns()),
        3,
    );
    assert!(message.contains("3 tips; expected 2"), "{message}");
}

/// 5,000 tips in a caterpillar, 2,400 to 2,600 presences: the tables would take ten million entries a state.
#[test]
fn windows_beyond_the_counting_programme_are_refused_with_their_probability() {
    let mut random = Random(3);
    let mut text = "t0:1".to_owned();
    for tip in 1..6000 {
        text = format!("({text},t{tip}:1):{}", 0.001 + 0.001 * random.unit());
    }
    let tree = tree(&format!("{text};"));
    let mut setting = Setting::plain(&tree, Ascertainment::window(2900, Some(3100), 6000).unwrap());
    setting.root = RootPrior::Absent;
    let message = refused(&tree, &setting, &[-0.5, 1.3], Missing::None, 3);
    assert!(
        message.contains("window 2900-3100") && message.contains("too large"),
        "{message}"
    );
}

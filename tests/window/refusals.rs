//! Windows that do not fit, and families that a window leaves out.

use crate::common::{Random, names, problem, tree, workers};
use crate::{Case, window};
use persiste_rust::error::ModelError;
use persiste_rust::model::{Ascertainment, GeneContentModel, RootPrior};

#[test]
fn windows_that_do_not_fit_are_refused() {
    for (lowest, highest) in [(5, Some(3)), (2, Some(41)), (41, None), (usize::MAX, Some(usize::MAX))] {
        let refused = Ascertainment::window(lowest, highest, 40).unwrap_err();
        assert!(matches!(refused, ModelError::Window { n_tips: 40, .. }), "{refused:?}");
        let message = refused.to_string();
        assert!(message.contains("0 <= lowest <= highest <= 40"), "{message}");
    }
    assert_eq!(Ascertainment::window(0, None, 40), Ok(window(0, 40)));
    assert_eq!(Ascertainment::window(2, Some(38), 40).unwrap().name(), "window 2-38");
    assert_eq!(window(2, 38).rule(), "present in 2 to 38 genomes");
    assert_eq!(window(1, 1).rule(), "present in exactly 1 genome");
    // Bounds made without the check are taken at their word.
    let case = Case::random(&mut Random(38), 5, 0.0);
    assert_eq!(case.log(window(2, usize::MAX)), case.log(window(2, 5)));
    assert_eq!(case.log(window(7, 9)), f64::NEG_INFINITY);
    assert_eq!(case.log(window(3, 2)), f64::NEG_INFINITY);
}

#[test]
fn a_family_is_judged_by_its_recorded_presences() {
    let tree = tree("((A:1,B:1):1,(C:1,D:1):1);");
    // With its missing cells the second could be inside and the third outside.
    let families = [vec![1, 1, 0, 0], vec![1, -1, -1, 0], vec![1, 1, 1, -1]];
    let refusal = |of: Ascertainment| {
        let (problem, families) = problem(&tree, &names(&tree), &families);
        GeneContentModel::shared(problem, families, RootPrior::Equal, of, workers(1))
            .unwrap_err()
            .to_string()
    };
    let message = refusal(window(2, 3));
    assert!(
        message.contains("'window 2-3'") && message.contains("present in 2 to 3 genomes"),
        "{message}"
    );
    assert!(message.contains("1 of 3") && message.contains("('f1')"), "{message}");
    assert!(refusal(window(4, 4)).contains("3 of 3"));
}

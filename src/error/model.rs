//! What can be wrong with a model, its parameters, or its fit to the data.

/// A model that cannot be set up or evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Vector instructions that cannot be used were asked for.
    #[error(transparent)]
    InstructionSet(#[from] super::InstructionSetError),
    /// A name that is none of a table's.
    #[error("unknown {what} '{found}'; known: {}", known.join(", "))]
    UnknownName {
        /// What the name was to be: "root prior", "ascertainment", ...
        what: &'static str,
        /// What was found.
        found: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// A root frequency that is no probability.
    #[error("root frequency {found} is not a probability; allowed are numbers from 0 to 1")]
    RootFrequency {
        /// What was found.
        found: f64,
    },
    /// A rate that is no rate.
    #[error("{name} is {found}; allowed are numbers from 0 to 8.9e307")]
    Rate {
        /// "gain rate" or "loss rate", with the family where rates differ.
        name: String,
        /// What was found.
        found: f64,
    },
    /// A number that a likelihood of plain numbers cannot take.
    #[error("{what} is {found}; allowed are {allowed}")]
    Number {
        /// Which number.
        what: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A stationary root without any rates.
    #[error("the stationary root frequency gain / (gain + loss) is undefined where both rates are 0{of}")]
    StationaryWithoutRates {
        /// " for family 3", or nothing.
        of: String,
    },
    /// A root prior that a likelihood at given rates cannot take.
    #[error("root prior '{root}' needs a model to estimate or weigh it; give a number or another rule")]
    RootNeedsModel {
        /// The rule.
        root: &'static str,
    },
    /// Not one value a parameter.
    #[error("expected {} parameters ({}), found {found}", names.len(), names.join(", "))]
    ParameterCount {
        /// The parameters in their order.
        names: Vec<String>,
        /// How many values were given.
        found: usize,
    },
    /// Not two rates a family.
    #[error("expected log gain and log loss of {n_families} families, {} numbers; found {found}", 2 * n_families)]
    FamilyRateCount {
        /// How many families there are.
        n_families: usize,
        /// How many values were given.
        found: usize,
    },
    /// A parameter outside its domain.
    #[error("parameter {name} is {}; allowed are {allowed}", short(*found))]
    Parameter {
        /// Its name.
        name: String,
        /// What was found.
        found: f64,
        /// The domain in words.
        allowed: &'static str,
    },
    /// A search that would begin outside its box.
    #[error("{name} starts at {}; allowed are {lower} to {upper} for this tree", short(*found))]
    Start {
        /// The parameter.
        name: String,
        /// What was found.
        found: f64,
        /// The ends of the box.
        lower: f64,
        /// See `lower`.
        upper: f64,
    },
    /// An option that a model does not have.
    #[error("'{of}' has no option '{found}'; known: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    UnknownOption {
        /// The model's name.
        of: String,
        /// What was found.
        found: String,
        /// The options that exist.
        known: Vec<&'static str>,
    },
    /// An option with a value that it cannot have.
    #[error("option {name} of '{of}' is {found}; allowed are {allowed}")]
    Setting {
        /// The model's name.
        of: String,
        /// The option's name.
        name: String,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// Families that the ascertainment says nobody could have seen.
    #[error(
        "ascertainment '{ascertainment}' says that only families {rule} were recorded, but {count} of {n_families} \
         are not ({}{}); remove them, or use an ascertainment that can hold them (none)",
        examples.join(", "),
        if *count > examples.len() { ", ..." } else { "" }
    )]
    Unobservable {
        /// Its name.
        ascertainment: String,
        /// What it requires.
        rule: String,
        /// How many families break it.
        count: usize,
        /// How many families there are.
        n_families: usize,
        /// The first few, quoted.
        examples: Vec<String>,
    },
    /// A window that holds no number of genomes, or more than there are.
    #[error(
        "a window from {lowest} to {highest} presences does not fit {n_tips} genomes; allowed are 0 <= lowest <= highest \
         <= {n_tips}"
    )]
    Window {
        /// The least number of presences.
        lowest: usize,
        /// The greatest.
        highest: usize,
        /// How many genomes there are.
        n_tips: usize,
    },
    /// Data with likelihood zero, for which no parameters are best.
    #[error(
        "{count} of {n_families} families have likelihood 0 at every gain and loss rate tried ({}{}): usually tips at \
         distance 0 that differ; lengthen such branches (option min_length, --min-length) or remove the families",
        examples.join(", "),
        if *count > examples.len() { ", ..." } else { "" }
    )]
    Impossible {
        /// How many families.
        count: usize,
        /// Of how many.
        n_families: usize,
        /// The first few, quoted.
        examples: Vec<String>,
    },
    /// A covariate that is no number.
    #[error("covariate '{name}' has the value {found}; allowed are finite numbers")]
    Covariate {
        /// The column.
        name: String,
        /// What was found.
        found: f64,
    },
    /// A covariate that is the same for all families and branches.
    #[error("covariate '{name}' has no effect to estimate: it is the same for all families and branches")]
    WithoutEffect {
        /// The column.
        name: String,
    },
    /// Covariates that no data can tell apart.
    #[error(
        "covariate '{name}' is collinear with {} (and the intercept); leave one out",
        quoted(earlier)
    )]
    Collinear {
        /// The column that adds nothing.
        name: String,
        /// The columns that say the same together.
        earlier: Vec<String>,
    },
    /// A completeness or contamination that cannot be.
    #[error("{kind}{of} is {found}; allowed are numbers {allowed}")]
    TipProbability {
        /// "completeness" or "contamination".
        kind: &'static str,
        /// Of what, with the tip's name.
        of: String,
        /// What was found.
        found: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A tip whose record says nothing, or the opposite.
    #[error(
        "tip '{tip}' has completeness {completeness} and contamination {contamination}; a family must be recorded \
         more often where it is present"
    )]
    Uninformative {
        /// The tip.
        tip: String,
        /// P(recorded | present).
        completeness: f64,
        /// P(recorded | absent).
        contamination: f64,
    },
    /// FitzJohn's root with conditioning.
    #[error(
        "root prior 'fitzjohn' weighs the root by each family's own data, so there is no probability of being \
         recorded to condition on (ascertainment '{ascertainment}'); use root 'estimated', or ascertainment 'none'"
    )]
    NoRecordedProbability {
        /// The ascertainment asked for.
        ascertainment: String,
    },
    /// Arrays that do not belong together.
    #[error("{what} has length {found}; expected {expected}")]
    Length {
        /// Which array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What it should be.
        expected: String,
    },
    /// The tree has no branch of positive length, so that rates mean nothing.
    #[error("every branch of the tree has length 0, so no rates can be estimated")]
    NoTime,
    /// Folds that cannot be made.
    #[error("cannot make {n_folds} folds of {n_families} families; allowed are 2 or more, up to one a family")]
    Folds {
        /// What was asked for.
        n_folds: usize,
        /// Of how many families.
        n_families: usize,
    },
    /// The user stopped the work.
    #[error(transparent)]
    Cancelled(#[from] super::Cancelled),
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}

/// A number as a reader would write it: with an exponent where all its digits would fill a line.
fn short(number: f64) -> String {
    let (plain, scientific) = (number.to_string(), format!("{number:e}"));
    if plain.len() > 24 { scientific } else { plain }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_of_many_digits_are_told_with_an_exponent() {
        let told = [2.0, -0.25, 100_000.0, f64::NAN, f64::INFINITY, 1e308, 5e-324].map(short);
        assert_eq!(told, ["2", "-0.25", "100000", "NaN", "inf", "1e308", "5e-324"]);
    }
}

//! What can be wrong with a list of presences, one entry for each family in a genome.

/// A list of presences that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PairsError {
    /// A line with too few or too many fields.
    #[error(
        "{found} fields; expected a family, a genome and, if the first line has it, a number of copies ({expected} fields)"
    )]
    Fields {
        /// Fields of the line.
        found: usize,
        /// What the first line has, or the least that it must have.
        expected: usize,
    },
    /// A first line that may or may not be a header.
    #[error(
        "the first line, '{first}', '{second}', is no header (expected one of {families} and one of {genomes}, in \
         either order, in any case), and its second field is no tip of the tree, so it cannot be told whether it is \
         a presence: add the header 'family', 'genome'"
    )]
    Header {
        /// First field.
        first: String,
        /// Second field.
        second: String,
        /// What the column of families may be called.
        families: String,
        /// What the column of genomes may be called.
        genomes: String,
    },
    /// An entry without a name.
    #[error("the {what} has no name")]
    Unnamed {
        /// Family or genome.
        what: &'static str,
    },
    /// A third field that is no number of copies.
    #[error("family '{family}', genome '{genome}' (column 3): found '{found}'; allowed: {allowed}")]
    Copies {
        /// The family.
        family: String,
        /// The genome.
        genome: String,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// One family listed twice in one genome.
    #[error(
        "family '{family}' is listed more than once in genome '{genome}': {unit} {first} and {unit} {second}; allowed \
         is one {unit} for each family in a genome (several copies are a number in the third column)"
    )]
    Repeated {
        /// The family.
        family: String,
        /// The genome.
        genome: String,
        /// What is counted: lines or entries.
        unit: &'static str,
        /// Its first place, counted from 1.
        first: u64,
        /// Its second.
        second: u64,
    },
    /// Entries that do not name a family and a genome each.
    #[error("{families} families and {genomes} genomes are listed; expected one of each for every entry")]
    Lengths {
        /// Families listed.
        families: usize,
        /// Genomes listed.
        genomes: usize,
    },
    /// An entry that points beyond the names.
    #[error("entry {entry}: {what} number {found}; allowed are 0 to {last}")]
    Number {
        /// The entry, counted from 1.
        entry: usize,
        /// Family or genome.
        what: &'static str,
        /// What was found.
        found: i64,
        /// The largest number.
        last: usize,
    },
    /// Absent genomes asked for where every genome has a column.
    #[error(
        "absent_genomes (--absent-genomes) goes with a list of presences (the format pairs); in this table every genome \
         has a column, and a tip without one is not known to lack all families"
    )]
    AbsentGenomes,
}

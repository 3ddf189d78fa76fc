//! A presence table as lists: for each family the genomes that carry it, in room proportional to the presences.

use super::{Names, PresenceTable, PresenceTableBuilder};
use crate::error::{PairsError, TableError};

/// What is known of a family in a genome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// It is absent, as it is where nothing is listed.
    Absent,
    /// It is present.
    Present,
    /// It is not known.
    Missing,
}

/// One entry of a list: a genome and what is known, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry(u32);

/// Genomes beyond this do not fit an [`Entry`].
const MOST_GENOMES: usize = 1 << 30;

impl Entry {
    fn new(genome: u32, listing: Listing) -> Self {
        Self(genome << 2 | listing as u32)
    }

    pub(super) fn genome(self) -> usize {
        (self.0 >> 2) as usize
    }

    pub(super) fn is_missing(self) -> bool {
        self.0 & 3 == Listing::Missing as u32
    }

    fn is_absent(self) -> bool {
        self.0 & 3 == Listing::Absent as u32
    }

    /// Returns the word, which is another for another genome or listing.
    pub(super) fn word(self) -> u32 {
        self.0
    }
}

/// Which genome carries which family, listed family by family; what is not listed is absent.
///
/// Genome names are present and unique, and so are family names. Lists are in the order of the genomes and name none
/// twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceLists {
    genomes: Vec<String>,
    families: Names,
    /// Where the list of each family begins in `entries`, and where the last one ends.
    starts: Vec<usize>,
    entries: Vec<Entry>,
}

/// Entries in any order, each with its place for messages.
#[derive(Debug, Default)]
pub struct PresenceListsBuilder {
    family: Vec<u32>,
    entry: Vec<Entry>,
}

/// A family listed twice in one genome: numbers, and places among the entries pushed, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repetition {
    /// Number of the family.
    pub family: usize,
    /// Number of the genome.
    pub genome: usize,
    /// The first entry.
    pub first: usize,
    /// The second.
    pub second: usize,
}

impl PresenceListsBuilder {
    /// Appends an entry; families and genomes are numbers, whose names [`finish`](Self::finish) takes.
    ///
    /// # Errors
    /// [`TableError::NamesTooLong`] for a genome number of 2^30 and above.
    pub fn push(&mut self, family: u32, genome: u32, listing: Listing) -> Result<(), TableError> {
        if genome as usize >= MOST_GENOMES {
            return Err(TableError::NamesTooLong);
        }
        self.family.push(family);
        self.entry.push(Entry::new(genome, listing));
        Ok(())
    }

    /// Returns the lists: time and room are proportional to entries and names.
    ///
    /// Names are in the order of their numbers, and each is present once; every number pushed has a name.
    ///
    /// # Errors
    /// The [`Repetition`] of a family listed twice in a genome, whatever the two entries say, and the family names back.
    pub fn finish(self, genomes: Vec<String>, families: Names) -> Result<PresenceLists, (Repetition, Names)> {
        let mut starts = vec![0_usize; families.len() + 1];
        for &family in &self.family {
            starts[family as usize + 1] += 1;
        }
        for family in 0..families.len() {
            starts[family + 1] += starts[family];
        }
        let mut next = starts.clone();
        let mut sorted = vec![(Entry(0), 0_usize); self.entry.len()];
        for (position, (&family, entry)) in self.family.iter().zip(self.entry).enumerate() {
            let place = &mut next[family as usize];
            sorted[*place] = (entry, position);
            *place += 1;
        }
        let mut entries = Vec::with_capacity(sorted.len());
        let mut first = 0;
        for family in 0..families.len() {
            let list = &mut sorted[first..starts[family + 1]];
            list.sort_unstable_by_key(|&(entry, position)| (entry.genome(), position));
            if let Some(twice) = list.windows(2).find(|two| two[0].0.genome() == two[1].0.genome()) {
                let repetition = Repetition {
                    family,
                    genome: twice[0].0.genome(),
                    first: twice[0].1,
                    second: twice[1].1,
                };
                return Err((repetition, families));
            }
            first = starts[family + 1];
            starts[family] = entries.len();
            entries.extend(list.iter().map(|&(entry, _)| entry).filter(|entry| !entry.is_absent()));
        }
        starts[families.len()] = entries.len();
        entries.shrink_to_fit();
        Ok(PresenceLists {
            genomes,
            families,
            starts,
            entries,
        })
    }
}

impl PresenceLists {
    /// Lists presences given as numbers: entry `i` says what is known of family `family[i]` in genome `genome[i]`.
    ///
    /// # Errors
    /// [`TableError`] for names that are empty or repeated, no names at all, lists of different lengths, a number
    /// beyond the names, and a family listed twice in one genome.
    ///
    /// # Example
    /// ```
    /// use persiste_rust::problem::{Listing, PresenceLists};
    /// let genomes = ["A", "B", "C"].map(str::to_owned).to_vec();
    /// let families = ["f", "g"].into_iter().collect();
    /// let lists = PresenceLists::from_numbers(genomes, families, &[0, 0, 1], &[2, 0, 1], |_| Listing::Present)?;
    /// assert_eq!(lists.to_table()?.present(0), [0b101]);
    /// # Ok::<(), persiste_rust::error::TableError>(())
    /// ```
    pub fn from_numbers(
        genomes: Vec<String>,
        families: Names,
        family: &[i64],
        genome: &[i64],
        listing: impl Fn(usize) -> Listing,
    ) -> Result<Self, TableError> {
        if family.len() != genome.len() {
            return Err(TableError::from(PairsError::Lengths {
                families: family.len(),
                genomes: genome.len(),
            }));
        }
        // A table without lines checks the names.
        let mut names = PresenceTableBuilder::new(genomes)?;
        for name in families.iter() {
            names.push_name(name)?;
        }
        let (genomes, families) = names.into_names()?;
        let mut builder = PresenceListsBuilder::default();
        for (entry, (&family, &genome)) in family.iter().zip(genome).enumerate() {
            let family = number(entry, "family", family, families.len())?;
            let genome = number(entry, "genome", genome, genomes.len())?;
            builder.push(family, genome, listing(entry))?;
        }
        let lists = builder.finish(genomes.clone(), families);
        lists.map_err(|(repetition, families)| {
            TableError::from(PairsError::Repeated {
                family: crate::error::excerpt(families.get(repetition.family)),
                genome: crate::error::excerpt(&genomes[repetition.genome]),
                unit: "entry",
                first: repetition.first as u64 + 1,
                second: repetition.second as u64 + 1,
            })
        })
    }

    /// Returns the number of genomes.
    #[must_use]
    pub fn n_genomes(&self) -> usize {
        self.genomes.len()
    }

    /// Returns the number of families.
    #[must_use]
    pub fn n_families(&self) -> usize {
        self.families.len()
    }

    /// Returns the name of each genome, `[n_genomes]`.
    #[must_use]
    pub fn genomes(&self) -> &[String] {
        &self.genomes
    }

    /// Returns the name of each family, `[n_families]`.
    #[must_use]
    pub fn families(&self) -> &Names {
        &self.families
    }

    /// Returns the genomes of a family, in order, with what is known of it there: present or missing.
    pub fn listed(&self, family: usize) -> impl ExactSizeIterator<Item = (usize, Listing)> + '_ {
        self.entries(family).iter().map(|entry| {
            let listing = if entry.is_missing() {
                Listing::Missing
            } else {
                Listing::Present
            };
            (entry.genome(), listing)
        })
    }

    pub(super) fn entries(&self, family: usize) -> &[Entry] {
        &self.entries[self.starts[family]..self.starts[family + 1]]
    }

    /// Appends genomes that carry none of the families; their names are new.
    pub(super) fn add_absent(&mut self, names: impl Iterator<Item = String>) {
        self.genomes.extend(names);
    }

    /// Returns the same table with one bit a cell, which takes room proportional to the cells.
    ///
    /// # Errors
    /// [`TableError`] if there is no genome or no family.
    pub fn to_table(&self) -> Result<PresenceTable, TableError> {
        let mut builder = PresenceTableBuilder::new(self.genomes.clone())?;
        let n_words = self.genomes.len().div_ceil(64);
        let (mut present, mut missing) = (vec![0_u64; n_words], vec![0_u64; n_words]);
        for (family, name) in self.families.iter().enumerate() {
            present.fill(0);
            missing.fill(0);
            for entry in self.entries(family) {
                let cells = if entry.is_missing() { &mut missing } else { &mut present };
                cells[entry.genome() / 64] |= 1 << (entry.genome() % 64);
            }
            builder.push_family(name, &present, &missing)?;
        }
        builder.finish()
    }
}

fn number(entry: usize, what: &'static str, found: i64, n: usize) -> Result<u32, PairsError> {
    match u32::try_from(found) {
        Ok(number) if (number as usize) < n => Ok(number),
        _ => Err(PairsError::Number {
            entry: entry + 1,
            what,
            found,
            last: n.saturating_sub(1),
        }),
    }
}

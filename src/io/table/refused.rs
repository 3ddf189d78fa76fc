//! Formats that are recognised in order to say that they are not read.

use super::head::Head;
use super::record::Separator;
use super::{cells, pairs};

/// Recognises compressed files other than gzip, and workbooks, by their first bytes.
pub(super) fn sniff_archive(head: &Head) -> Option<String> {
    let kinds: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "zip, as in .zip, .xlsx and .ods"),
        (b"\xd0\xcf\x11\xe0", "an old Office document, as in .xls"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ];
    let (_, kind) = kinds.iter().find(|(magic, _)| head.first().starts_with(magic))?;
    Some(format!("its first bytes are those of {kind}"))
}

/// Recognises line ends of CR alone.
pub(super) fn sniff_mac(head: &Head) -> Option<String> {
    head.first()
        .contains(&b'\r')
        .then(|| "its line ends are carriage returns".to_owned())
}

/// Recognises Newick and NEXUS.
pub(super) fn sniff_tree(head: &Head) -> Option<String> {
    let text = head.header().trim_ascii_start();
    let is_nexus = head
        .first()
        .get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"#NEXUS"));
    let is_newick = text.starts_with(b"(") || text.starts_with(b"[&");
    match (is_nexus, is_newick) {
        (true, _) => Some("it begins with '#NEXUS'".to_owned()),
        (_, true) => Some(format!("it begins with '{}'", char::from(text[0]))),
        _ => None,
    }
}

/// Recognises FASTA.
pub(super) fn sniff_fasta(head: &Head) -> Option<String> {
    head.first().starts_with(b">").then(|| "it begins with '>'".to_owned())
}

/// Recognises XML.
pub(super) fn sniff_xml(head: &Head) -> Option<String> {
    head.first()
        .trim_ascii_start()
        .starts_with(b"<")
        .then(|| "it begins with '<'".to_owned())
}

/// Recognises the family counts of CAFE.
pub(super) fn sniff_cafe(head: &Head) -> Option<String> {
    begins_with(head, &["desc", "family id"]).or_else(|| begins_with(head, &["desc", "id"]))
}

/// Recognises OrthoFinder's gene counts and lists of genes.
pub(super) fn sniff_orthofinder(head: &Head) -> Option<String> {
    if pairs::has_header(head) {
        return None;
    }
    let begins = begins_with(head, &["orthogroup"])?;
    if head.fields(Separator::Tab).last().is_some_and(|last| last == "Total") {
        return Some(format!("{begins} and ends with 'Total'"));
    }
    let is_text = |field: &String| cells::parse(field.as_bytes()).is_none();
    head.row_fields(Separator::Tab)
        .iter()
        .skip(1)
        .any(is_text)
        .then_some(begins)
}

/// Recognises OrthoFinder's hierarchical orthogroups.
pub(super) fn sniff_hierarchical(head: &Head) -> Option<String> {
    begins_with(head, &["hog", "og"])
}

/// Recognises PIRATE's gene families.
pub(super) fn sniff_pirate(head: &Head) -> Option<String> {
    begins_with(head, &["allele_name", "gene_family"])
}

/// Recognises Mirage: the number of families, then a tree.
pub(super) fn sniff_mirage(head: &Head) -> Option<String> {
    let number = head.header().trim_ascii();
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    (is_number && head.row().trim_ascii_start().starts_with(b"("))
        .then(|| "its first line is a number and its second a tree".to_owned())
}

/// Recognises completeness tables of CheckM and the like.
pub(super) fn sniff_completeness(head: &Head) -> Option<String> {
    let fields = head.fields(head.separator()?);
    let field = fields
        .iter()
        .skip(1)
        .find(|field| field.to_lowercase().starts_with("completeness"))?;
    Some(format!("its header has a column '{field}'"))
}

/// Recognises semicolons as separators.
pub(super) fn sniff_semicolons(head: &Head) -> Option<String> {
    let n_fields = head.header().split(|&byte| byte == b';').count();
    (head.separator().is_none() && n_fields > 1).then(|| format!("its first line has {n_fields} such fields"))
}

/// Recognises blanks as separators.
pub(super) fn sniff_spaces(head: &Head) -> Option<String> {
    let n_fields = head
        .header()
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .count();
    (head.separator().is_none() && n_fields > 1)
        .then(|| format!("its first line has {n_fields} such fields, but neither tab nor comma"))
}

/// Says so if the tab-separated header begins with these names, in any case.
fn begins_with(head: &Head, names: &[&str]) -> Option<String> {
    let fields = head.fields(Separator::Tab);
    let fits = fields.len() > names.len()
        && fields
            .iter()
            .zip(names)
            .all(|(field, name)| field.eq_ignore_ascii_case(name));
    fits.then(|| format!("the header begins with '{}'", fields[..names.len()].join("', '")))
}

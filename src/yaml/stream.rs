//! Several documents in one text, as manifests have them.
//!
//! In: text. Out: the text of each document, and the line where it begins. Absent on purpose: reading them (`read`), and
//! directives before a document; Kubernetes' own tools split by the same line.

/// Splits a stream into its documents, each with the number of its first line.
#[must_use]
pub fn documents(whole: &str) -> Vec<(usize, &str)> {
    let (mut found, mut start, mut first_line) = (Vec::new(), 0, 1);
    let mut at = 0;
    for (i, line) in whole.split_inclusive('\n').enumerate() {
        if line.strip_prefix("---").is_some_and(|rest| rest.trim_end().is_empty() || rest.starts_with([' ', '\t'])) {
            found.push((first_line, &whole[start..at]));
            start = at + line.find(['\n', ' ', '\t']).unwrap_or(line.len());
            first_line = i + 1;
        }
        at += line.len();
    }
    found.push((first_line, &whole[start..]));
    found.into_iter().filter(|(_, text)| !text.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_parted_by_their_line_alone() {
        let text = "# first\na: 1\n---\nb: |\n  ---- no end\n--- # third\nc: 3\n---\n";
        let found = documents(text);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3, 6]);
        assert_eq!(found[1].1.trim(), "b: |\n  ---- no end");
        assert_eq!(found[2].1, " # third\nc: 3\n");
        assert!(documents(" \n").is_empty());
    }
}

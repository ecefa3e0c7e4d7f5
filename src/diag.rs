//! What is wrong with a user's text, shown where it stands.
//!
//! In: findings with byte ranges. Out: `error[code]: …` with file, line, column, the source line, carets,
//! notes and the way out. Absent on purpose: secrets (a finding never quotes one), and faults of the
//! world such as an unreadable file, which are `error::Error`.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A text under examination and the name its user knows it by.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the user gave it, or `<stdin>`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The machine would not come up, or not as meant: nothing is rendered.
    Error,
    /// It works, but will surprise; `--strict` refuses it.
    Warning,
}

/// A place in the source and why it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Byte range in the source.
    pub span: Range<usize>,
    /// What is to be seen there; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// Stable kebab-case name, which `acknowledge` and `explain` take.
    pub code: &'static str,
    /// What is wrong: subject first, lower case, no full stop.
    pub title: String,
    /// Where; the first label is the place itself, the others the other half of the matter.
    pub labels: Vec<Label>,
    /// Why it matters, facts with their sources.
    pub notes: Vec<String>,
    /// What to do.
    pub helps: Vec<String>,
}

impl Diagnostic {
    /// Begins an error.
    pub fn error(code: &'static str, title: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, title.into())
    }

    /// Begins a warning.
    pub fn warning(code: &'static str, title: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, title.into())
    }

    fn new(severity: Severity, code: &'static str, title: String) -> Self {
        Self { severity, code, title, labels: Vec::new(), notes: Vec::new(), helps: Vec::new() }
    }

    /// Points at a place; the first call gives the place of the finding.
    #[must_use]
    pub fn at(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a reason.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(text.into());
        self
    }
}

/// All findings about one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Vec<Diagnostic>);

impl Report {
    /// Makes a report without findings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Takes over the findings of another report on the same source.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Drops the findings for which `keep` says no.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.0.retain(keep);
    }

    /// Puts the findings in the order of their places.
    pub fn sort(&mut self) {
        self.0.sort_by_key(|d| d.labels.first().map_or(usize::MAX, |label| label.span.start));
    }

    /// Counts the findings of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|d| d.severity == severity).count()
    }

    /// Returns the findings in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Writes the findings for people, one blank line between two, ending in a newline; empty when there are none.
    #[must_use]
    pub fn render(&self, source: &Source, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let text = visible(&source.text);
        let shown: Vec<String> = self.0.iter().map(|d| renderer.render(&groups(d, &source.name, &text))).collect();
        if shown.is_empty() { String::new() } else { shown.join("\n\n") + "\n" }
    }
}

/// Replaces control characters, which a terminal would obey, by blanks of the same byte length.
fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let blank = c.is_control() && !matches!(c, '\n' | '\t');
            std::iter::repeat_n(if blank { ' ' } else { c }, if blank { c.len_utf8() } else { 1 })
        })
        .collect()
}

fn groups<'a>(diagnostic: &'a Diagnostic, name: &'a str, text: &'a str) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.title.as_str()).id(diagnostic.code);
    let mut group = Group::with_title(title);
    if !diagnostic.labels.is_empty() {
        let snippet = Snippet::source(text).path(name).annotations(diagnostic.labels.iter().enumerate().map(|(i, label)| {
            let kind = if i == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let reason = (!label.text.is_empty()).then_some(label.text.as_str());
            kind.span(label.span.clone()).label(reason)
        }));
        group = group.element(snippet);
    } else {
        group = group.element(annotate_snippets::Origin::path(name));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    for help in &diagnostic.helps {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_place_reason_and_way_out() {
        let source = Source { name: "lab.yaml".into(), text: "nodes:\n  - {name: a}\n  - {name: a}\n".into() };
        let mut report = Report::new();
        report.push(
            Diagnostic::error("duplicate-name", "node `a` is declared twice")
                .at(32..33, "used again")
                .at(18..19, "first used")
                .note("the name is the machine's identity")
                .help("rename one of them"),
        );
        report.push(Diagnostic::warning("w", "nothing to point at"));
        assert_eq!(
            report.render(&source, false),
            "\
error[duplicate-name]: node `a` is declared twice
 --> lab.yaml:3:12
  |
2 |   - {name: a}
  |            - first used
3 |   - {name: a}
  |            ^ used again
  |
  = note: the name is the machine's identity
  = help: rename one of them

warning[w]: nothing to point at
--> lab.yaml
"
        );
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let source = Source { name: "x".into(), text: "a: \"\u{1b}[2J\u{9b}é\"\n".into() };
        let mut report = Report::new();
        report.push(Diagnostic::error("c", "t").at(3..9, ""));
        let shown = report.render(&source, false);
        assert!(!shown.contains(['\u{1b}', '\u{9b}']) && shown.contains('é'), "{shown}");
    }
}

//! The shape of a profile: every node against the table of keys, all faults at once.
//!
//! In: nodes and the table. Out: findings. Absent on purpose: values; `raw` takes them from what passed
//! here, and what was faulty here is missing there.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use super::codes;
use super::keys::{Group, Key, Need, Shape};
use crate::diag::Report;
use crate::yaml::{Kind, Node, Pair, Scalar};

/// Reports every fault in the shape of `root`, which stands for `group`.
pub fn check(text: &str, root: &Node, group: &'static Group, report: &mut Report) {
    let mut walk = Walk { text, report };
    walk.letters(root);
    walk.group(root, group, None);
}

/// Returns a place to point at for a node: a block mapping or sequence has none of its own.
#[must_use]
pub fn anchor(node: &Node) -> Range<usize> {
    match &node.kind {
        Kind::Map(pairs) => pairs.first().map_or_else(|| node.span.clone(), |pair| pair.key_span.clone()),
        Kind::Seq(items) => items.first().map_or_else(|| node.span.clone(), anchor),
        Kind::Scalar(_) => node.span.clone(),
    }
}

struct Walk<'a> {
    text: &'a str,
    report: &'a mut Report,
}

impl Walk<'_> {
    /// Checks what holds for every text and mapping, whatever it means: characters and duplicates.
    fn letters(&mut self, node: &Node) {
        match &node.kind {
            Kind::Scalar(scalar) => self.characters(&scalar.text, &node.span),
            Kind::Seq(items) => items.iter().for_each(|item| self.letters(item)),
            Kind::Map(pairs) => {
                let mut first = HashMap::new();
                for pair in pairs {
                    self.characters(&pair.key, &pair.key_span);
                    if let Some(earlier) = first.insert(pair.key.as_str(), &pair.key_span) {
                        self.report.push(
                            codes::DUPLICATE_KEY
                                .found(format!("`{}` is given twice", brief(&pair.key)))
                                .at(pair.key_span.clone(), "given again")
                                .at(earlier.clone(), "given here")
                                .help("keep one of the two"),
                        );
                    }
                    self.letters(&pair.value);
                }
            }
        }
    }

    fn characters(&mut self, text: &str, span: &Range<usize>) {
        let Some(bad) = text.chars().find(|c| forbidden(*c)) else { return };
        // Where it stands itself in the source, it is pointed at; escaped (`\x07`), the whole text is.
        let raw = self.text.get(span.clone()).and_then(|source| source.find(bad));
        let place = raw.map_or_else(|| span.clone(), |at| span.start + at..span.start + at + bad.len_utf8());
        self.report.push(
            codes::CONTROL_CHARACTER
                .found(format!("the character U+{:04X} cannot be delivered", u32::from(bad)))
                .at(place, "a machine's cloud-init refuses its whole configuration for it")
                .help("leave it out; a file that needs it is given with `from`"),
        );
    }

    fn group(&mut self, node: &Node, group: &'static Group, own: Option<&Range<usize>>) {
        let Kind::Map(pairs) = &node.kind else {
            let title = match own {
                Some(_) => format!("{} is {}, not a mapping", group.called, node.describe()),
                None => format!("{} must be a mapping, this is {}", group.called, node.describe()),
            };
            self.report.push(codes::WRONG_TYPE.found(title).at(place(node, own), "expected a mapping"));
            return;
        };
        for pair in pairs {
            match group.find(&pair.key) {
                Some(key) => self.value(&pair.value, &key.shape, key.name, &pair.key_span),
                None => self.unknown(pair, group, pairs),
            }
        }
        for key in group.keys.iter().filter(|key| key.need == Need::Required) {
            if !pairs.iter().any(|pair| pair.key == key.name) {
                self.missing(node, group, key, own);
            }
        }
    }

    fn unknown(&mut self, pair: &Pair, group: &Group, pairs: &[Pair]) {
        let name = brief(&pair.key);
        let free = group.keys.iter().map(|key| key.name).filter(|name| !pairs.iter().any(|pair| pair.key == *name));
        let expected: Vec<&str> = group.keys.iter().map(|key| key.name).collect();
        let mut finding = codes::UNKNOWN_KEY
            .found(format!("`{name}` is not a key of {}", group.called))
            .at(pair.key_span.clone(), "unknown")
            .note(format!("known keys: {}", expected.join(", ")));
        if let Some(meant) = closest(&pair.key, free) {
            finding = finding.help(format!("did you mean `{meant}`?"));
        }
        self.report.push(finding);
    }

    fn missing(&mut self, node: &Node, group: &Group, key: &Key, own: Option<&Range<usize>>) {
        let subject = match node.get("name").map(|name| &name.kind) {
            Some(Kind::Scalar(name)) if !matches!(name.value, Value::Null) => format!("{} `{}`", group.called, brief(&name.text)),
            _ => group.called.to_owned(),
        };
        let subject = subject
            .strip_prefix("a ")
            .map_or_else(|| subject.clone(), |bare| if bare.ends_with('`') { bare.to_owned() } else { subject.clone() });
        self.report.push(
            codes::MISSING_KEY
                .found(format!("{subject} has no `{}`", key.name))
                .at(place(node, own), format!("`{}` is missing here", key.name))
                .note(format!("`{}`: {}", key.name, sentence(key.doc)))
                .help(format!("give {}", key.shape.describe())),
        );
    }

    fn value(&mut self, node: &Node, shape: &'static Shape, name: &str, own: &Range<usize>) {
        match (shape, &node.kind) {
            (Shape::Text(form), Kind::Scalar(scalar)) if !node.is_null() => {
                if let Some(fault) = form.fault(&scalar.text) {
                    let title = if form.may_be_shown() && !scalar.text.is_empty() {
                        format!("`{}` is not {}", brief(&scalar.text), fault.noun)
                    } else {
                        format!("`{name}` is not {}", fault.noun)
                    };
                    let at = if form.may_be_shown() { node.span.clone() } else { own.clone() };
                    let mut finding = fault.code.found(title).at(at, fault.reason);
                    if let Some(help) = fault.help {
                        finding = finding.help(help);
                    }
                    self.report.push(finding);
                }
            }
            (Shape::Bool, Kind::Scalar(Scalar { value: Value::Bool(_), .. })) => {}
            (Shape::Bool, Kind::Scalar(scalar)) if !node.is_null() => {
                let mut finding = self.wrong(node, shape, name, own);
                match scalar.text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "true" => finding = finding.help("write `true`"),
                    "no" | "off" | "false" => finding = finding.help("write `false`"),
                    _ => {}
                }
                self.report.push(finding);
            }
            (Shape::Number(low, high), Kind::Scalar(Scalar { value: Value::Number(_), text })) => {
                let plain = text == "0" || !text.starts_with('0');
                let number = text.parse::<u64>().ok().filter(|n| plain && (low..=high).contains(&n));
                if number.is_none() {
                    let title = format!("`{name}` cannot be {}", brief(text));
                    self.report
                        .push(codes::INVALID_NUMBER.found(title).at(node.span.clone(), format!("expected {}", shape.describe())));
                }
            }
            (Shape::Choice(words), Kind::Scalar(scalar)) if !node.is_null() => self.word(node, scalar, &words(), shape, name),
            (Shape::WordOr(words, _), Kind::Scalar(scalar)) if !node.is_null() => self.word(node, scalar, words, shape, name),
            (Shape::WordOr(_, group), Kind::Map(_)) => self.group(node, group, Some(own)),
            (Shape::Many(Shape::Group(group)), Kind::Seq(items)) => items.iter().for_each(|item| self.group(item, group, None)),
            (Shape::Many(inner), Kind::Seq(items)) => items.iter().for_each(|item| self.value(item, inner, name, own)),
            (Shape::Group(group), Kind::Map(_)) => self.group(node, group, Some(own)),
            (Shape::Texts, Kind::Map(pairs)) => {
                pairs
                    .iter()
                    .for_each(|pair| self.value(&pair.value, &Shape::Text(super::form::Form::Text), &pair.key, &pair.key_span));
            }
            (Shape::Arguments, Kind::Map(_)) => self.value(node, &Shape::Texts, name, own),
            (Shape::Arguments, Kind::Seq(_)) => self.value(node, &ARGUMENTS, name, own),
            (Shape::Document, Kind::Map(_)) => {}
            _ => {
                let finding = self.wrong(node, shape, name, own);
                self.report.push(finding);
            }
        }
    }

    fn word(&mut self, node: &Node, scalar: &Scalar, words: &[&str], shape: &Shape, name: &str) {
        if words.contains(&scalar.text.as_str()) {
            return;
        }
        let title = format!("`{name}` cannot be `{}`", brief(&scalar.text));
        let mut finding = codes::UNKNOWN_VALUE.found(title).at(node.span.clone(), format!("expected {}", shape.describe()));
        if let Some(meant) = closest(&scalar.text, words.iter().copied()) {
            finding = finding.help(format!("did you mean `{meant}`?"));
        }
        self.report.push(finding);
    }

    fn wrong(&self, node: &Node, shape: &Shape, name: &str, own: &Range<usize>) -> crate::diag::Diagnostic {
        let title = if node.is_null() {
            format!("`{}` has no value", brief(name))
        } else {
            format!("`{}` cannot be {}", brief(name), node.describe())
        };
        let finding = codes::WRONG_TYPE.found(title).at(place(node, Some(own)), format!("expected {}", shape.describe()));
        if node.is_null() { finding.help("leave the key out, or give it a value") } else { finding }
    }
}

/// kubeadm's list of arguments.
static ARGUMENTS: Shape = Shape::Many(&Shape::Group(&ARGUMENT));

/// One entry of it.
const ARGUMENT: Group = Group {
    called: "an argument",
    keys: &[
        Key {
            name: "name",
            shape: Shape::Text(super::form::Form::Filled),
            need: Need::Required,
            doc: "The flag without dashes.",
            since: "0.1",
        },
        Key { name: "value", shape: Shape::Text(super::form::Form::Text), need: Need::Required, doc: "Its value.", since: "0.1" },
    ],
};

/// Returns where to point for a value: itself where it is written inline, else the key it belongs to.
fn place(node: &Node, own: Option<&Range<usize>>) -> Range<usize> {
    match (&node.kind, own) {
        (Kind::Scalar(_), _) if !node.span.is_empty() && !node.is_null() => node.span.clone(),
        (_, Some(own)) => own.clone(),
        _ => anchor(node),
    }
}

/// Tells whether PyYAML refuses the character (`yaml.reader.Reader.NON_PRINTABLE`), or reads a line end into it that was none.
fn forbidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        _ => c.is_control(),
    }
}

/// Cuts a text short for a title.
pub fn brief(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() { shown + "…" } else { shown }
}

/// Turns a documentation sentence into part of a message: no full stop.
fn sentence(doc: &str) -> &str {
    doc.strip_suffix('.').unwrap_or(doc)
}

/// Finds the word that was probably meant: the same in other case, one that contains the other, or one a few letters away.
#[must_use]
pub fn closest<'w>(written: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let written = written.to_lowercase().replace(['_', '-'], "");
    if written.len() > 64 {
        return None;
    }
    words
        .filter_map(|word| {
            let plain = word.to_lowercase().replace(['_', '-'], "");
            let contained = written.len() >= 4 && plain.contains(&written) || plain.len() >= 4 && written.contains(&plain);
            let distance = distance(&written, &plain);
            let near = distance <= plain.chars().count().max(written.chars().count()) / 3;
            (near || contained).then_some((if near { distance } else { usize::MAX }, word))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Counts the letters to insert, delete, replace or swap with a neighbour to turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        let words = ["name", "role", "address", "kubernetesVersion", "controlPlaneEndpoint"];
        for (written, meant) in [
            ("rol", Some("role")),
            ("adress", Some("address")),
            ("nmae", Some("name")),
            ("version", Some("kubernetesVersion")),
            ("controlplaneendpoint", Some("controlPlaneEndpoint")),
            ("control_plane_endpoint", Some("controlPlaneEndpoint")),
            ("flavour", None),
            ("x", None),
        ] {
            assert_eq!(closest(written, words.into_iter()), meant, "{written}");
        }
    }
}

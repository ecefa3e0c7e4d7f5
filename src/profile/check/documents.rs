//! kubeadm's, the kubelet's and kube-proxy's documents: every field against the release's tables.
//!
//! A document of any kubeadm API is read, whatever it calls itself; what the profile's release cannot express is refused.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use super::super::codes;
use super::super::raw::{At, Point, Raw};
use super::super::shape::{anchor, brief, closest};
use super::text;
use crate::diag::{Diagnostic, Report};
use crate::kubernetes::schema::{DocumentKind, Field, Shape};
use crate::kubernetes::{KubeadmApi, Release, Version};
use crate::yaml::{Kind, Node, Pair};

/// The profile's keys for the documents.
const DOCUMENTS: [(&str, DocumentKind); 5] = [
    ("initConfiguration", DocumentKind::Init),
    ("clusterConfiguration", DocumentKind::Cluster),
    ("joinConfiguration", DocumentKind::Join),
    ("kubeletConfiguration", DocumentKind::Kubelet),
    ("kubeProxyConfiguration", DocumentKind::KubeProxy),
];

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let Some((version, release)) = super::release_of(raw) else { return };
    for (key, kind) in DOCUMENTS {
        let Some(document) = raw.documents.iter().find(|document| document.key == key) else { continue };
        let mut walk = Walk { version, release, report };
        walk.header(document.node, kind, key);
        walk.object(document.node, kind.fields(), key, true);
    }
    for document in raw.nodes.iter().filter_map(|node| node.kubelet_configuration.as_ref()) {
        let mut walk = Walk { version, release, report };
        walk.header(document.node, DocumentKind::Kubelet, document.key);
        walk.object(document.node, DocumentKind::Kubelet.fields(), document.key, true);
    }
}

struct Walk<'a> {
    version: &'a At<Version>,
    release: &'static Release,
    report: &'a mut Report,
}

impl Walk<'_> {
    /// Checks what a document calls itself.
    fn header(&mut self, node: &Node, kind: DocumentKind, path: &str) {
        let groups = match kind {
            DocumentKind::Init | DocumentKind::Cluster | DocumentKind::Join => {
                KubeadmApi::ALL.iter().map(ToString::to_string).collect()
            }
            DocumentKind::Kubelet | DocumentKind::KubeProxy => vec![kind.api_version(self.release)],
        };
        for (name, words) in [("apiVersion", groups), ("kind", vec![kind.name().to_owned()])] {
            let Some(value) = node.get(name) else { continue };
            let written = text(value).unwrap_or_default();
            if !words.iter().any(|word| word == written) {
                self.report.push(
                    codes::UNKNOWN_VALUE
                        .found(format!("`{name}` of `{path}` cannot be `{}`", brief(written)))
                        .at(place(value, node), format!("expected {}", words.join(", ")))
                        .help("the key can be left out: shapes of every version are told apart by themselves"),
                );
            }
        }
    }

    fn object(&mut self, node: &Node, fields: &'static [Field], path: &str, top: bool) {
        let Kind::Map(pairs) = &node.kind else {
            self.wrong(node, &anchor(node), path, "a mapping");
            return;
        };
        for pair in pairs.iter().filter(|pair| !(top && matches!(pair.key.as_str(), "apiVersion" | "kind"))) {
            match fields.iter().find(|field| field.name == pair.key) {
                None => self.unknown(pair, fields, path, pairs),
                // What the release does anyway may stay: it is left out of what the machine gets.
                Some(field) if field.settled_in(self.release).is_some_and(|settled| text(&pair.value) == Some(settled)) => {}
                Some(field) if !field.expressible_in(self.release) => self.untimely(pair, field, path),
                Some(field) => self.value(&pair.value, &field.shape, &format!("{path}.{}", field.name), &pair.key_span),
            }
        }
    }

    fn unknown(&mut self, pair: &Pair, fields: &'static [Field], path: &str, pairs: &[Pair]) {
        const FEW: usize = 12;
        let known: Vec<&str> = fields.iter().filter(|field| field.expressible_in(self.release)).map(|field| field.name).collect();
        let free = known.iter().copied().filter(|name| !pairs.iter().any(|pair| pair.key == *name));
        let mut finding = codes::UNKNOWN_KEY
            .found(format!("`{}` is not a field of `{path}`", brief(&pair.key)))
            .at(pair.key_span.clone(), "unknown");
        finding = match closest(&pair.key, free) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None if known.len() <= FEW => finding.note(format!("its fields: {}", known.join(", "))),
            None => finding.help("leave it out"),
        };
        self.report.push(finding);
    }

    fn untimely(&mut self, pair: &Pair, field: &Field, path: &str) {
        let finding = codes::FIELD_NOT_IN_RELEASE
            .found(format!("`{path}.{}` cannot be said to Kubernetes {}", field.name, self.release.minor))
            .at(pair.key_span.clone(), field.lifetime())
            .point(self.version, "this release does not know it");
        let finding = match field.flag_in(self.release) {
            Some(flag) => finding
                .note(format!("older releases of kubeadm have a flag for it, `{flag}`; first boot passes none but its own")),
            None => finding,
        };
        self.report.push(match field.comes_after(self.release) {
            Some(first) => finding.help(format!("leave it out, or use Kubernetes {first} or newer")),
            None => match field.settled_in(self.release) {
                Some(settled) => finding.help(format!("leave it out: every later release does what `{settled}` says")),
                None => finding.help("leave it out"),
            },
        });
    }

    fn value(&mut self, node: &Node, shape: &'static Shape, path: &str, own: &Range<usize>) {
        match (shape, &node.kind) {
            (Shape::Any, _) => {}
            (_, Kind::Scalar(_)) if node.is_null() => {
                let finding = codes::WRONG_TYPE.found(format!("`{path}` has no value")).at(own.clone(), "nothing is said");
                self.report.push(finding.help("leave the key out, or give it a value"));
            }
            (Shape::Text, Kind::Scalar(_)) => {}
            (Shape::Duration, Kind::Scalar(scalar)) => {
                if !is_duration(&scalar.text) {
                    self.report.push(not_a_duration(path, &scalar.text, node.span.clone()));
                }
            }
            (Shape::Bool, Kind::Scalar(scalar)) if scalar.value.is_boolean() => {}
            (Shape::Int, Kind::Scalar(scalar)) if scalar.value.is_i64() || scalar.value.is_u64() => {}
            (Shape::Float, Kind::Scalar(scalar)) if matches!(scalar.value, Value::Number(_)) => {}
            (Shape::List(inner), Kind::Seq(items)) => items.iter().for_each(|item| self.value(item, inner, path, own)),
            (Shape::Map(inner), Kind::Map(pairs)) => pairs
                .iter()
                .for_each(|pair| self.value(&pair.value, inner, &format!("{path}.{}", brief(&pair.key)), &pair.key_span)),
            (Shape::Object(fields), Kind::Map(_)) => self.object(node, fields, path, false),
            (Shape::Args, Kind::Map(pairs)) => {
                for pair in pairs {
                    self.argument_name(&pair.key, &pair.key_span);
                    self.value(&pair.value, &Shape::Text, &format!("{path}.{}", brief(&pair.key)), &pair.key_span);
                }
            }
            (Shape::Args, Kind::Seq(items)) => self.arguments(items, path),
            _ => self.wrong(node, own, path, expected(shape)),
        }
    }

    /// Arguments as v1beta4 has them; older shapes are mappings, in which nothing can stand twice.
    fn arguments(&mut self, items: &[Node], path: &str) {
        const FIELDS: [&str; 2] = ["name", "value"];
        let mut seen: HashMap<&str, Range<usize>> = HashMap::new();
        for item in items {
            let Kind::Map(pairs) = &item.kind else {
                self.wrong(item, &anchor(item), path, "entries of `{name, value}`");
                continue;
            };
            for pair in pairs {
                if FIELDS.contains(&pair.key.as_str()) {
                    self.value(&pair.value, &Shape::Text, &format!("{path}.{}", pair.key), &pair.key_span);
                } else {
                    let finding = codes::UNKNOWN_KEY.found(format!("`{}` is not a field of an argument", brief(&pair.key)));
                    self.report.push(finding.at(pair.key_span.clone(), "unknown").note("its fields: name, value"));
                }
            }
            for name in FIELDS.iter().filter(|name| item.get(name).is_none()) {
                let finding = codes::MISSING_KEY.found(format!("an argument of `{path}` has no `{name}`"));
                self.report.push(finding.at(anchor(item), format!("`{name}` is missing here")));
            }
            let Some(node) = item.get("name") else { continue };
            let Some(name) = text(node) else { continue };
            self.argument_name(name, &node.span);
            if let Some(earlier) = seen.insert(name, node.span.clone()).filter(|_| !self.release.repeats_arguments()) {
                self.report.push(
                    codes::REPEATED_ARGUMENT
                        .found(format!("`{}` stands twice in `{path}`", brief(name)))
                        .at(node.span.clone(), "given again")
                        .at(earlier, "given here")
                        .note(format!("kubeadm {} takes arguments as a mapping; lists came with 1.31", self.release.minor))
                        .help("keep one of the two"),
                );
            }
        }
    }

    fn argument_name(&mut self, name: &str, place: &Range<usize>) {
        let bare = name.trim_start_matches('-');
        if bare != name || bare.is_empty() {
            self.report.push(
                codes::ARGUMENT_NAME
                    .found(format!("`{}` is not an argument's name", brief(name)))
                    .at(place.clone(), "kubeadm puts the dashes before it")
                    .help(format!("write `{}`", if bare.is_empty() { "the flag's name" } else { bare })),
            );
        }
    }

    fn wrong(&mut self, node: &Node, own: &Range<usize>, path: &str, expected: &str) {
        let at = if matches!(node.kind, Kind::Scalar(_)) && !node.span.is_empty() { node.span.clone() } else { own.clone() };
        let finding = codes::WRONG_TYPE.found(format!("`{path}` cannot be {}", node.describe()));
        self.report.push(finding.at(at, format!("expected {expected}")));
    }
}

fn place(value: &Node, parent: &Node) -> Range<usize> {
    if value.span.is_empty() { anchor(parent) } else { value.span.clone() }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text => "a string",
        Shape::Bool => "`true` or `false`",
        Shape::Int => "a whole number",
        Shape::Float => "a number",
        Shape::Duration => "a duration such as `4m0s`",
        Shape::Args => "arguments: a mapping, or a sequence of `{name, value}`",
        Shape::List(_) => "a sequence",
        Shape::Map(_) | Shape::Object(_) => "a mapping",
        Shape::Any => "anything",
    }
}

/// Reports a text that Go does not read as a duration.
fn not_a_duration(subject: &str, written: &str, at: Range<usize>) -> Diagnostic {
    let finding = codes::INVALID_DURATION.found(format!("`{}` is not a duration", brief(written))).at(at, format!("`{subject}`"));
    match written.parse::<u32>() {
        Ok(seconds) => {
            finding.note("Go wants a unit: \"missing unit in duration\"").help(format!("write `{seconds}s` for seconds"))
        }
        Err(_) => finding.help("write it with units, such as `1h30m` or `45s`"),
    }
}

/// Tells whether Go's `time.ParseDuration` reads the text.
pub fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 7] = ["ns", "us", "µs", "ms", "s", "m", "h"];
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let digits = &rest[..number];
        if !digits.contains(|c: char| c.is_ascii_digit()) || digits.matches('.').count() > 1 {
            return false;
        }
        rest = &rest[number..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        if !UNITS.contains(&&rest[..unit]) {
            return false;
        }
        rest = &rest[unit..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        for good in ["0", "4m0s", "1.5h", "-1.5h", "100ms", "1h2m3s", ".5s", "3µs", "+5s"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "50", "-", "1d", "1h30", "m", "1..5s", ".s", "1 h", "1hour"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }
}

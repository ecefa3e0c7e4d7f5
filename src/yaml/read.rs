//! YAML read into nodes that know where they stand.
//!
//! In: text. Out: a tree of nodes, each with its byte range, plain scalars with the text they were
//! written as. Absent on purpose: expectations; what a key or type should be is its reader's business.
//!
//! serde-saphyr does the parsing and holds the limits (nesting, aliases, node count).

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Location, Spanned};

/// A value and the bytes it was written with.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Byte range in the source; a block mapping or sequence has an empty one at its first entry.
    pub span: Range<usize>,
}

/// The shapes a node can have.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A scalar.
    Scalar(Scalar),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in source order, duplicates kept.
    Map(Vec<Pair>),
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

/// A scalar as written and as YAML takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text: of a plain scalar exactly what was written (`0640`, `1.10`), else the decoded string.
    pub text: String,
    /// What the YAML core schema takes it for: null, boolean, number or string.
    pub value: Value,
}

impl Node {
    /// Names the shape, for messages: "a mapping", "a number" …
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Map(_) => "a mapping",
            Kind::Seq(_) => "a sequence",
            Kind::Scalar(scalar) => match scalar.value {
                Value::Null => "nothing",
                Value::Bool(_) => "a boolean",
                Value::Number(_) => "a number",
                _ => "a string",
            },
        }
    }

    /// Tells whether nothing was written.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(Scalar { value: Value::Null, .. }))
    }

    /// Returns the entry of a mapping under `key`, the last one if it stands there twice.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(pairs) => pairs.iter().rev().find(|pair| pair.key == key).map(|pair| &pair.value),
            _ => None,
        }
    }
}

/// Drops the positions: scalars become what YAML takes them for.
#[must_use]
pub fn to_json(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) => scalar.value.clone(),
        Kind::Seq(items) => items.iter().map(to_json).collect(),
        Kind::Map(pairs) => pairs.iter().map(|pair| (pair.key.clone(), to_json(&pair.value))).collect(),
    }
}

/// Reads one document.
///
/// # Errors
/// The parser's sentence and the byte range it points at, for text that is not YAML, holds more than one
/// document, or breaks a limit.
pub fn parse(text: &str) -> Result<Node, (String, Range<usize>)> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        strict_booleans: true,
    };
    let offsets = CharOffsets::new(text);
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options).map(|raw| resolve(raw, text, &offsets)).map_err(|error| {
        let at = error.location().map_or(0..0, |location| offsets.range(location));
        (sentence(&error), at)
    })
}

/// Says what is wrong without the position, which the diagnostic shows.
fn sentence(error: &Error) -> String {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => sentence(error),
        Error::Budget { breach, .. } => limit(breach),
        other => {
            let message = other.to_string();
            let head = message.rsplit_once(" at line ").map_or(message.as_str(), |(head, _)| head);
            match head {
                _ if head.starts_with("multiple YAML documents") => "a second document begins here; one is expected".to_owned(),
                "recursion limit exceeded" => "nested deeper than anything here needs".to_owned(),
                head => head.to_owned(),
            }
        }
    }
}

/// Says which limit was broken; what the parser counted is one more than it allows.
fn limit(breach: &BudgetBreach) -> String {
    match breach {
        BudgetBreach::Nodes { nodes } => {
            format!("more than {} values, with every alias counted as what it stands for", nodes - 1)
        }
        BudgetBreach::Depth { depth } => format!("nested deeper than {} levels", depth - 1),
        BudgetBreach::Aliases { aliases } => format!("more than {} aliases", aliases - 1),
        BudgetBreach::Anchors { anchors } => format!("more than {} anchors", anchors - 1),
        BudgetBreach::AliasAnchorRatio { aliases, anchors } => {
            format!("too many aliases for its anchors: {aliases} for {anchors}")
        }
        _ => "larger than anything here needs".to_owned(),
    }
}

fn resolve(raw: Spanned<Raw>, text: &str, offsets: &CharOffsets) -> Node {
    let span = offsets.range(raw.defined);
    let kind = match raw.value {
        Raw::Seq(items) => Kind::Seq(items.into_iter().map(|item| resolve(item, text, offsets)).collect()),
        Raw::Map(pairs) => Kind::Map(
            pairs
                .into_iter()
                .map(|(key, value)| Pair {
                    key_span: offsets.range(key.defined),
                    key: key.value,
                    value: resolve(value, text, offsets),
                })
                .collect(),
        ),
        Raw::Scalar(value) => {
            let text = match &value {
                Value::String(text) => text.clone(),
                _ => text.get(span.clone()).unwrap_or_default().to_owned(),
            };
            Kind::Scalar(Scalar { text, value })
        }
    };
    Node { kind, span }
}

/// Turns the parser's positions into byte ranges; it counts characters where it has no bytes.
struct CharOffsets<'t> {
    text: &'t str,
    ascii: bool,
}

impl<'t> CharOffsets<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, ascii: text.is_ascii() }
    }

    fn range(&self, location: Location) -> Range<usize> {
        let span = location.span();
        let (start, len) = match (span.byte_offset(), span.byte_len()) {
            (Some(offset), Some(len)) => (offset as usize, len as usize),
            _ => {
                let start = self.byte_of(span.offset() as usize);
                (start, self.byte_of(span.offset() as usize + span.len() as usize) - start)
            }
        };
        let start = start.min(self.text.len());
        let end = (start + len).min(self.text.len());
        if self.text.is_char_boundary(start) && self.text.is_char_boundary(end) { start..end } else { 0..0 }
    }

    fn byte_of(&self, chars: usize) -> usize {
        if self.ascii {
            return chars.min(self.text.len());
        }
        self.text.char_indices().nth(chars).map_or(self.text.len(), |(at, _)| at)
    }
}

/// The parser's own view: values with the locations serde-saphyr attaches.
enum Raw {
    Scalar(Value),
    Seq(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        // `.nan` and `.inf` have no JSON number; as text they are refused where a number is wanted.
        Ok(Raw::Scalar(serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_at<'t>(text: &'t str, node: &Node) -> &'t str {
        &text[node.span.clone()]
    }

    #[test]
    fn plain_scalars_keep_their_spelling() {
        let text = "a: [0640, 716064e0, yes, 1.10, 52:54:00:00:00:10, \"é\", 1_000, 0x1f]\n";
        let node = parse(text).expect("valid");
        let Some(Kind::Seq(items)) = node.get("a").map(|n| &n.kind) else { panic!("no sequence") };
        let texts: Vec<_> = items
            .iter()
            .map(|item| match &item.kind {
                Kind::Scalar(scalar) => scalar.text.as_str(),
                _ => panic!("no scalar"),
            })
            .collect();
        assert_eq!(texts, ["0640", "716064e0", "yes", "1.10", "52:54:00:00:00:10", "é", "1_000", "0x1f"]);
        assert_eq!(items.iter().map(|item| text_at(text, item)).collect::<Vec<_>>()[5], "\"é\"");
    }

    #[test]
    fn only_true_and_false_are_booleans() {
        let node = parse("{a: yes, b: true, c: off}").expect("valid");
        assert_eq!(to_json(&node), serde_json::json!({"a": "yes", "b": true, "c": "off"}));
    }

    #[test]
    fn duplicates_are_kept_with_their_places() {
        let text = "a: 1\nb: 2\na: 3\n";
        let Kind::Map(pairs) = parse(text).expect("valid").kind else { panic!("no mapping") };
        let places: Vec<_> = pairs.iter().map(|p| (p.key.as_str(), p.key_span.start)).collect();
        assert_eq!(places, [("a", 0), ("b", 5), ("a", 10)]);
    }

    #[test]
    fn what_is_no_yaml_is_pointed_at() {
        for (text, line) in [("a: [1\nb: 2\n", 2), ("a: b: c\n", 1), ("a: 1\n---\nb: 2\n", 3), ("a: *nowhere\n", 1)] {
            let (message, at) = parse(text).expect_err(text);
            assert!(!message.is_empty() && !message.contains("line"), "{message}");
            assert_eq!(text[..at.start].matches('\n').count() + 1, line, "{text:?}: {message} at {at:?}");
        }
    }

    #[test]
    fn bombs_are_defused() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..9 {
            let refs = vec![format!("*a{}", i - 1); 9].join(",");
            bomb.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
        }
        let said = |text: &str| parse(text).expect_err("a bomb").0;
        assert_eq!(said(&bomb), "more than 250000 values, with every alias counted as what it stands for");
        assert_eq!(said(&"[".repeat(50_000)), "nested deeper than anything here needs");
        let deep: String = (0..80).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert_eq!(said(&deep), "nested deeper than 64 levels");
        let many = format!("a: &a x\nb: [{}]\n", vec!["*a"; 200].join(","));
        assert_eq!(said(&many), "too many aliases for its anchors: 200 for 1");
    }

    #[test]
    fn what_is_wrong_below_an_alias_is_said_without_a_position() {
        let (message, at) = parse("a: &a {b: c}\nd: {*a : e}\n").expect_err("a mapping for a key");
        assert!(!message.is_empty() && !message.contains(" line "), "{message} at {at:?}");
    }
}

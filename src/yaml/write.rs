//! YAML that a YAML 1.1 reader (cloud-init's PyYAML) and a 1.2 reader take alike.
//!
//! In: values. Out: block-style text in which every string is double-quoted or a literal block, so that
//! `52:54:00:12:34:56`, `yes`, `1e3`, `0640` and `716064e0` stay what they are. Absent on purpose:
//! plain scalars, folding, anchors, comments.

use serde_json::Value;

/// A value on its way into a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// The null value.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer, in decimal.
    Int(i64),
    /// Any other number, as JSON spells it.
    Number(serde_json::Number),
    /// A string, double-quoted.
    Str(String),
    /// A string, as a literal block where YAML can carry it exactly, else double-quoted.
    Literal(String),
    /// A sequence.
    Seq(Vec<Yaml>),
    /// A mapping, in the order given.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// Makes a string value.
    pub fn str(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// Makes a mapping of keys known at compile time.
    #[must_use]
    pub fn map<const N: usize>(pairs: [(&str, Self); N]) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

impl From<&Value> for Yaml {
    /// Takes over a JSON value.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => n.as_i64().map_or_else(|| Self::Number(n.clone()), Self::Int),
            Value::String(s) => Self::Str(s.clone()),
            Value::Array(items) => Self::Seq(items.iter().map(Self::from).collect()),
            Value::Object(map) => Self::Map(map.iter().map(|(k, v)| (k.clone(), Self::from(v))).collect()),
        }
    }
}

/// Writes one document, without `---`, ending in a newline.
#[must_use]
pub fn to_string(value: &Yaml) -> String {
    let mut out = String::new();
    match value {
        Yaml::Map(pairs) if !pairs.is_empty() => map(&mut out, pairs, 0),
        Yaml::Seq(items) if !items.is_empty() => seq(&mut out, items, 0),
        scalar => {
            inline(&mut out, scalar, 0);
            out.push('\n');
        }
    }
    out
}

fn map(out: &mut String, pairs: &[(String, Yaml)], indent: usize) {
    for (i, (key, value)) in pairs.iter().enumerate() {
        if i > 0 {
            pad(out, indent);
        }
        if is_plain_key(key) {
            out.push_str(key);
        } else {
            quote(out, key);
        }
        out.push(':');
        match value {
            Yaml::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                pad(out, indent + 2);
                map(out, inner, indent + 2);
            }
            Yaml::Seq(items) if !items.is_empty() => {
                out.push('\n');
                pad(out, indent + 2);
                seq(out, items, indent + 2);
            }
            scalar => {
                out.push(' ');
                inline(out, scalar, indent + 2);
                out.push('\n');
            }
        }
    }
}

fn seq(out: &mut String, items: &[Yaml], indent: usize) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            pad(out, indent);
        }
        out.push_str("- ");
        match item {
            Yaml::Map(inner) if !inner.is_empty() => map(out, inner, indent + 2),
            Yaml::Seq(inner) if !inner.is_empty() => seq(out, inner, indent + 2),
            scalar => {
                inline(out, scalar, indent + 2);
                out.push('\n');
            }
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Writes a value that needs no line of its own to begin with, without the final newline.
fn inline(out: &mut String, value: &Yaml, indent: usize) {
    match value {
        Yaml::Null => out.push_str("null"),
        Yaml::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Yaml::Int(n) => out.push_str(&n.to_string()),
        Yaml::Number(n) => out.push_str(&n.to_string()),
        Yaml::Str(text) => quote(out, text),
        Yaml::Literal(text) if is_literal(text) => literal(out, text, indent),
        Yaml::Literal(text) => quote(out, text),
        Yaml::Seq(_) => out.push_str("[]"),
        Yaml::Map(_) => out.push_str("{}"),
    }
}

/// Tells whether a literal block carries `text` exactly, for readers of YAML 1.1 and 1.2 both.
///
/// Carriage returns and the Unicode line separators would be read as line breaks, and control
/// characters are refused by PyYAML even when quoted raw.
#[must_use]
pub fn is_literal(text: &str) -> bool {
    text.chars().any(|c| c != '\n')
        && text.chars().all(|c| match c {
            '\n' | '\t' | ' '..='~' => true,
            '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
            c => is_printable(c) && c > '\u{a0}',
        })
}

/// Writes a literal block: the header, then the lines, the last without its newline.
fn literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    // Without an indicator a reader would take the first line's own blanks for indentation.
    if text.starts_with([' ', '\n', '\t']) {
        out.push('2');
    }
    let body = text.trim_end_matches('\n');
    match text.len() - body.len() {
        0 => out.push('-'),
        1 => {}
        _ => out.push('+'),
    }
    let lines = text.strip_suffix('\n').unwrap_or(text);
    for line in lines.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
    }
}

/// Writes `text` in double quotes, with escapes that YAML 1.1, YAML 1.2 and (within the BMP) JSON share.
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}') => out.push(c),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
}

/// The characters that YAML 1.1 §5.1 lets stand unescaped, beside the line breaks.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// Tells whether a key needs no quotes: an identifier that no YAML version takes for another type.
fn is_plain_key(key: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && !WORDS.contains(&key.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal_of(text: &str) -> String {
        to_string(&Yaml::map([("a", Yaml::Literal(text.into()))]))
    }

    #[test]
    fn nesting_is_block_style() {
        let value = Yaml::map([
            ("files", Yaml::Seq(vec![Yaml::map([("path", Yaml::str("/a")), ("content", Yaml::Literal("x\n y\n".into()))])])),
            ("empty", Yaml::Seq(vec![])),
            ("deep", Yaml::map([("on", Yaml::Bool(true)), ("n", Yaml::Int(-3)), ("none", Yaml::Null)])),
            ("rows", Yaml::Seq(vec![Yaml::Seq(vec![Yaml::str("a"), Yaml::str("b")])])),
        ]);
        assert_eq!(
            to_string(&value),
            "files:\n  - path: \"/a\"\n    content: |\n      x\n       y\nempty: []\ndeep:\n  \"on\": true\n  \"n\": -3\n  none: null\nrows:\n  - - \"a\"\n    - \"b\"\n"
        );
    }

    #[test]
    fn literal_blocks_keep_every_ending() {
        assert_eq!(literal_of("x\n"), "a: |\n  x\n");
        assert_eq!(literal_of("x"), "a: |-\n  x\n");
        assert_eq!(literal_of("x\n\n\n"), "a: |+\n  x\n\n\n");
        assert_eq!(literal_of("  x\n"), "a: |2\n    x\n");
        assert_eq!(literal_of("\nx\n"), "a: |2\n\n  x\n");
    }

    #[test]
    fn what_a_block_cannot_carry_is_quoted() {
        for text in ["", "\n", "\n\n", "a\r\n", "a\u{7}", "\u{feff}a", "a\u{2028}b", "a\u{85}b", "\u{7f}"] {
            assert!(!is_literal(text), "{text:?}");
        }
        assert_eq!(literal_of("a\r\n\u{7}\u{85}\u{10ffff}"), "a: \"a\\r\\n\\u0007\\u0085\u{10ffff}\"\n");
    }
}

//! The profile's shape as a JSON Schema, for editors and other programs.
//!
//! In: the table of keys. Out: a schema (draft 2020-12) that takes every profile whose shape is sound. Absent on purpose: what
//! two keys mean together, and what a regular expression cannot say of a text; `validate` has both.

use serde_json::{Map, Value, json};

use super::form::Form;
use super::keys::{Group, Key, Need, PROFILE, Shape};

/// Returns the schema of a whole profile.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), "kubespore profile".into());
    schema.extend(group(&PROFILE));
    Value::Object(schema)
}

fn group(group: &Group) -> Map<String, Value> {
    let properties: Map<_, _> = group.keys.iter().map(|key| (key.name.to_owned(), Value::Object(property(key)))).collect();
    let required: Vec<_> = group.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name).collect();
    let mut schema = Map::from_iter([("type".to_owned(), "object".into()), ("properties".to_owned(), properties.into())]);
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    schema.insert("additionalProperties".into(), false.into());
    schema
}

fn property(key: &Key) -> Map<String, Value> {
    let mut schema = Map::from_iter([("description".to_owned(), key.doc.into())]);
    if let Need::Default(text) = key.need {
        let value = match key.shape {
            Shape::Bool | Shape::Number(..) => serde_json::from_str(text).expect("the table's test reads every default"),
            _ => text.into(),
        };
        schema.insert("default".into(), value);
    }
    schema.extend(of_shape(&key.shape));
    schema
}

fn of_shape(shape: &Shape) -> Map<String, Value> {
    let schema = match shape {
        Shape::Text(form) => return text(*form),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Number(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
        Shape::Choice(words) => json!({"enum": words()}),
        Shape::Many(inner) => json!({"type": "array", "items": of_shape(inner)}),
        Shape::Group(keys) => return group(keys),
        Shape::WordOr(words, keys) => json!({"oneOf": [{"enum": words}, group(keys)]}),
        Shape::Texts => json!({"type": "object", "additionalProperties": text(Form::Text)}),
        Shape::Arguments => {
            let entry = json!({
                "type": "object",
                "properties": {"name": text(Form::Filled), "value": text(Form::Text)},
                "required": ["name", "value"],
                "additionalProperties": false,
            });
            json!({"oneOf": [of_shape(&Shape::Texts), {"type": "array", "items": entry}]})
        }
        Shape::Document => json!({"type": "object"}),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => unreachable!("every arm writes an object"),
    }
}

/// A text is taken as it is written: a number or a truth value is one too, and what a pattern says is about strings alone.
fn text(form: Form) -> Map<String, Value> {
    let mut schema = Map::from_iter([("type".to_owned(), json!(["string", "number", "boolean"]))]);
    if let Some(pattern) = pattern(form) {
        schema.insert("pattern".into(), pattern.into());
    }
    schema
}

/// What a regular expression can say of a form; it never refuses what the form takes.
fn pattern(form: Form) -> Option<&'static str> {
    match form {
        Form::Text => None,
        Form::Filled => Some(r"[\s\S]"),
        Form::Name | Form::NodeName => Some(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
        Form::Version => Some(r"^v?[0-9]+\.[0-9]+\.[0-9]+$"),
        Form::ContainerdVersion => Some(r"^v?[0-9]+\.[0-9]+(\.[0-9]+)?([~+-][\s\S]*)?$"),
        Form::Endpoint => Some(r"^(\[[0-9A-Fa-f:.]+\]|[^:/\[\]]+):[0-9]{1,5}$"),
        Form::Address => Some(r"^[0-9A-Fa-f:.]+$"),
        Form::InterfaceAddress => Some(r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"),
        Form::Ranges => Some(r"^[0-9A-Fa-f:.]+/[0-9]{1,3}(,[0-9A-Fa-f:.]+/[0-9]{1,3})*$"),
        Form::Mac => Some(r"^[0-9A-Fa-f][02468ACEace]([:-][0-9A-Fa-f]{2}){5}$"),
        Form::Interface => Some(r"^[^\s/:]{1,15}$"),
        Form::Duration => Some(r"^(0|([0-9]+[hms])+)$"),
        Form::Mode => Some(r"^0?[0-7]{3}$"),
        Form::Path => Some(r"^/[\s\S]*[^/]$"),
        Form::Host | Form::Registry => Some(r"^[^\s/]+$"),
        Form::Url => Some(r"^https?://\S+$"),
        Form::Login => Some(r"^[a-z_][-a-z0-9_]{0,31}$"),
        Form::SshKey => Some(r"^\s*\S+\s+\S+"),
        Form::Resource => Some(r"^[a-z0-9-]+(\.[a-z0-9.-]+)?$"),
    }
}

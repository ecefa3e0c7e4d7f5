//! The documents a user pasted, as values.
//!
//! In: their nodes. Out: JSON in the shape of v1beta4. Absent on purpose: what may stand in them (`check`).

use serde_json::{Map, Value};

use super::raw::{Document, Raw};
use crate::kubeadm::{Documents, raise};
use crate::kubernetes::schema::{DocumentKind, Field, Shape};
use crate::yaml::{Kind, Node, to_json};

/// Takes the documents of all machines out of a profile.
pub fn take(raw: &Raw<'_>) -> Documents {
    let of = |key: &str, kind| {
        let document = raw.documents.iter().find(|document| document.key == key);
        document.map(|document| fields(document.node, kind)).unwrap_or_default()
    };
    let mut documents = Documents {
        init: of("initConfiguration", DocumentKind::Init),
        cluster: of("clusterConfiguration", DocumentKind::Cluster),
        join: of("joinConfiguration", DocumentKind::Join),
        kubelet: of("kubeletConfiguration", DocumentKind::Kubelet),
        kube_proxy: of("kubeProxyConfiguration", DocumentKind::KubeProxy),
    };
    raise(&mut documents);
    documents
}

/// Takes one machine's KubeletConfiguration, without what it calls itself.
pub fn kubelet(document: &Document<'_>) -> Map<String, Value> {
    let mut fields = fields(document.node, DocumentKind::Kubelet);
    fields.retain(|name, _| !matches!(name.as_str(), "apiVersion" | "kind"));
    fields
}

fn fields(document: &Node, kind: DocumentKind) -> Map<String, Value> {
    match value(document, Some(&Shape::Object(kind.fields()))) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Takes a node over: where the field wants text, a plain scalar is the text that was written (`3.10`, `0640`).
fn value(node: &Node, shape: Option<&Shape>) -> Value {
    match (&node.kind, shape) {
        (Kind::Scalar(scalar), Some(Shape::Text | Shape::Duration | Shape::Args)) => match scalar.value {
            Value::Null => Value::Null,
            _ => Value::String(scalar.text.clone()),
        },
        // Arguments are a mapping of texts, or a list of a name and a text.
        (Kind::Map(pairs), Some(Shape::Args)) => {
            pairs.iter().map(|pair| (pair.key.clone(), value(&pair.value, Some(&Shape::Text)))).collect()
        }
        (Kind::Seq(items), Some(Shape::Args)) => items.iter().map(|item| value(item, Some(&Shape::Args))).collect(),
        (Kind::Seq(items), Some(Shape::List(of))) => items.iter().map(|item| value(item, Some(of))).collect(),
        (Kind::Map(pairs), Some(Shape::Map(of))) => {
            pairs.iter().map(|pair| (pair.key.clone(), value(&pair.value, Some(of)))).collect()
        }
        (Kind::Map(pairs), Some(Shape::Object(fields))) => {
            let shape = |name: &str| fields.iter().find(|field: &&Field| field.name == name).map(|field| &field.shape);
            pairs.iter().map(|pair| (pair.key.clone(), value(&pair.value, shape(&pair.key)))).collect()
        }
        _ => to_json(node),
    }
}

//! From the shape a user pasted to the shape of v1beta4.
//!
//! In: documents of v1beta1 to v1beta4, told apart by their shapes, not by what they call themselves. Out: the
//! same in the shape of v1beta4. Absent on purpose: fields with no successor; they stay for `lower` to write
//! where a release still reads them.
//!
//! Sources: `cmd/kubeadm/app/apis/kubeadm/v1beta*/conversion.go`.

use serde_json::{Map, Value, json};

use super::Documents;
use crate::kubernetes::schema::DocumentKind;

/// Raises the documents: `apiVersion` and `kind` go, argument mappings become lists, timeouts move to where v1beta4 has them,
/// and the runtime's socket gets the scheme that kubeadm since 1.24 adds with a warning (kubernetes #107295).
pub fn raise(documents: &mut Documents) {
    for kind in DocumentKind::ALL {
        let document = documents.get_mut(kind);
        document.shift_remove("apiVersion");
        document.shift_remove("kind");
    }
    for kind in [DocumentKind::Init, DocumentKind::Cluster, DocumentKind::Join] {
        for value in documents.get_mut(kind).values_mut() {
            list_arguments(value);
        }
    }
    for document in [&mut documents.init, &mut documents.join] {
        let socket = document.get_mut("nodeRegistration").and_then(|node| node.get_mut("criSocket"));
        if let Some(Value::String(path)) = socket
            && path.starts_with('/')
        {
            path.insert_str(0, "unix://");
        }
    }
    let health = documents.cluster.get_mut("apiServer").and_then(|server| take(server, "timeoutForControlPlane"));
    if let Some(timeout) = health {
        // v1beta3 applies it to `init` and `join` alike (v1beta3/conversion.go).
        set_timeout(&mut documents.init, "controlPlaneComponentHealthCheck", timeout.clone());
        set_timeout(&mut documents.join, "controlPlaneComponentHealthCheck", timeout);
    }
    if let Some(timeout) = documents.join.get_mut("discovery").and_then(|discovery| take(discovery, "timeout")) {
        set_timeout(&mut documents.join, "discovery", timeout);
    }
}

fn take(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.shift_remove(key)
}

fn set_timeout(document: &mut Map<String, Value>, name: &str, timeout: Value) {
    let timeouts = document.entry("timeouts").or_insert_with(|| json!({}));
    if let Some(timeouts) = timeouts.as_object_mut() {
        timeouts.entry(name).or_insert(timeout);
    }
}

fn list_arguments(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::Object(arguments) if matches!(key.as_str(), "extraArgs" | "kubeletExtraArgs") => {
                        let list = arguments.iter().map(|(name, value)| json!({"name": name, "value": text_of(value)}));
                        *value = list.collect();
                    }
                    _ => list_arguments(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(list_arguments),
        _ => {}
    }
}

/// The text of a scalar where kubeadm wants a string; anything else stays what it is.
#[must_use]
pub fn text_of(value: &Value) -> Value {
    match value {
        Value::Bool(b) => Value::String(b.to_string()),
        Value::Number(n) => Value::String(n.to_string()),
        Value::Null => Value::String(String::new()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().expect("a map").clone()
    }

    #[test]
    fn older_shapes_become_the_newest() {
        let mut documents = Documents {
            cluster: map(json!({
                "apiVersion": "kubeadm.k8s.io/v1beta1", "kind": "ClusterConfiguration",
                "apiServer": {"extraArgs": {"v": 2, "anonymous-auth": false}, "timeoutForControlPlane": "9m"},
                "etcd": {"local": {"extraArgs": {"quota-backend-bytes": "8"}}},
                "scheduler": {"extraArgs": [{"name": "a", "value": "b"}]},
            })),
            join: map(json!({
                "discovery": {"timeout": "3m"},
                "nodeRegistration": {"criSocket": "/run/x.sock", "kubeletExtraArgs": {"max-pods": "50"}},
            })),
            ..Documents::default()
        };
        raise(&mut documents);
        assert_eq!(
            Value::from(documents.cluster),
            json!({
                "apiServer": {"extraArgs": [{"name": "v", "value": "2"}, {"name": "anonymous-auth", "value": "false"}]},
                "etcd": {"local": {"extraArgs": [{"name": "quota-backend-bytes", "value": "8"}]}},
                "scheduler": {"extraArgs": [{"name": "a", "value": "b"}]},
            })
        );
        assert_eq!(Value::from(documents.init), json!({"timeouts": {"controlPlaneComponentHealthCheck": "9m"}}));
        assert_eq!(
            Value::from(documents.join),
            json!({
                "discovery": {},
                "nodeRegistration": {
                    "criSocket": "unix:///run/x.sock", "kubeletExtraArgs": [{"name": "max-pods", "value": "50"}],
                },
                "timeouts": {"controlPlaneComponentHealthCheck": "9m", "discovery": "3m"},
            })
        );
    }
}

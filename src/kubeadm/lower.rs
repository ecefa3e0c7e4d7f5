//! From the shape of v1beta4 to the shape a release reads.
//!
//! In: documents in the shape of v1beta4. Out: the same in an older shape. Absent on purpose: refusing what an
//! older shape cannot say; the profile's check has done that where a user asked for it.
//!
//! Sources: `cmd/kubeadm/app/apis/kubeadm/v1beta*/{types,conversion}.go`.

use serde_json::{Map, Value, json};

use super::Documents;
use crate::kubernetes::KubeadmApi;

/// Lowers the documents to an API version.
pub fn lower(documents: &mut Documents, api: KubeadmApi) {
    if api < KubeadmApi::V1Beta4 {
        for document in [&mut documents.init, &mut documents.cluster, &mut documents.join] {
            document.values_mut().for_each(map_arguments);
        }
        lower_timeouts(documents);
    }
    if api < KubeadmApi::V1Beta2 {
        for document in [&mut documents.init, &mut documents.join] {
            if let Some(node) = document.get_mut("nodeRegistration").and_then(Value::as_object_mut) {
                // A flag of the command line there.
                node.shift_remove("ignorePreflightErrors");
            }
        }
        documents.init.shift_remove("certificateKey");
        if let Some(plane) = documents.join.get_mut("controlPlane").and_then(Value::as_object_mut) {
            plane.shift_remove("certificateKey");
        }
    }
}

/// The two timeouts that older shapes can say lie elsewhere there; the others are kubeadm's own.
fn lower_timeouts(documents: &mut Documents) {
    let of = |document: &mut Map<String, Value>, name: &str| document.shift_remove("timeouts")?.get(name).cloned();
    let health = of(&mut documents.init, "controlPlaneComponentHealthCheck");
    if let (Some(timeout), false) = (health, documents.cluster.is_empty()) {
        entry(&mut documents.cluster, "apiServer").insert("timeoutForControlPlane".to_owned(), timeout);
    }
    if let Some(timeout) = of(&mut documents.join, "discovery") {
        entry(&mut documents.join, "discovery").insert("timeout".to_owned(), timeout);
    }
}

fn entry<'v>(document: &'v mut Map<String, Value>, key: &str) -> &'v mut Map<String, Value> {
    let value = document.entry(key).or_insert_with(|| json!({}));
    value.as_object_mut().expect("the profile's check has seen that it is a mapping")
}

fn map_arguments(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::Array(list) if matches!(key.as_str(), "extraArgs" | "kubeletExtraArgs") => {
                        let pairs = list.iter().filter_map(|argument| {
                            Some((argument.get("name")?.as_str()?.to_owned(), argument.get("value")?.clone()))
                        });
                        *value = Value::Object(pairs.collect());
                    }
                    _ => map_arguments(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(map_arguments),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents() -> Documents {
        let map = |value: Value| value.as_object().expect("a map").clone();
        Documents {
            init: map(json!({
                "nodeRegistration": {"kubeletExtraArgs": [{"name": "a", "value": "b"}], "ignorePreflightErrors": ["Mem"]},
                "certificateKey": "k",
                "timeouts": {"controlPlaneComponentHealthCheck": "15m0s", "discovery": "1m"},
            })),
            cluster: map(json!({"apiServer": {"extraArgs": [{"name": "v", "value": "1"}, {"name": "v", "value": "2"}]}})),
            join: map(json!({
                "discovery": {"file": {}}, "controlPlane": {"certificateKey": "k"}, "timeouts": {"discovery": "10m0s"},
            })),
            ..Documents::default()
        }
    }

    #[test]
    fn the_newest_shape_stays_as_it_is() {
        let mut lowered = documents();
        lower(&mut lowered, KubeadmApi::V1Beta4);
        assert_eq!(lowered, documents());
    }

    #[test]
    fn arguments_become_mappings_and_timeouts_move() {
        let mut lowered = documents();
        lower(&mut lowered, KubeadmApi::V1Beta3);
        assert_eq!(
            Value::from(lowered.cluster),
            json!({"apiServer": {"extraArgs": {"v": "2"}, "timeoutForControlPlane": "15m0s"}})
        );
        assert_eq!(
            Value::from(lowered.init),
            json!({
                "nodeRegistration": {"kubeletExtraArgs": {"a": "b"}, "ignorePreflightErrors": ["Mem"]}, "certificateKey": "k",
            })
        );
        assert_eq!(
            Value::from(lowered.join),
            json!({"discovery": {"file": {}, "timeout": "10m0s"}, "controlPlane": {"certificateKey": "k"}})
        );
    }

    #[test]
    fn the_oldest_shape_has_neither_certificate_key_nor_ignored_checks() {
        let mut lowered = documents();
        lower(&mut lowered, KubeadmApi::V1Beta1);
        assert_eq!(Value::from(lowered.init), json!({"nodeRegistration": {"kubeletExtraArgs": {"a": "b"}}}));
        assert_eq!(Value::from(lowered.join), json!({"discovery": {"file": {}, "timeout": "10m0s"}, "controlPlane": {}}));
    }
}

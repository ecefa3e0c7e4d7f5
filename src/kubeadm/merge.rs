//! A user's document laid over a generated one.
//!
//! In: two documents in the shape of v1beta4. Out: one. Absent on purpose: checks; a field of the wrong type
//! was refused with its place in the profile.

use serde_json::{Map, Value};

/// How two lists under the same key become one.
#[derive(Clone, Copy)]
enum Union {
    /// The upper one replaces entries of the lower one that have its names, and comes after the rest.
    ByName,
    /// The upper one's new entries come after the lower one's.
    Of,
}

/// The lists that add up; every other list is replaced, as `kubectl apply` and Helm do.
const UNITED: &[(&str, Union)] = &[
    ("extraArgs", Union::ByName),
    ("kubeletExtraArgs", Union::ByName),
    ("extraVolumes", Union::ByName),
    ("extraEnvs", Union::ByName),
    ("certSANs", Union::Of),
    ("serverCertSANs", Union::Of),
    ("peerCertSANs", Union::Of),
    ("bootstrapTokens", Union::Of),
    ("caCertHashes", Union::Of),
];

/// Lays `over` over `base`: mappings key by key, the lists that hold names or alternatives united, all else replaced.
pub fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (Some(Value::Array(below)), Value::Array(above)) => match UNITED.iter().find(|(name, _)| name == key) {
                Some((_, union)) => unite(below, above, *union),
                None => below.clone_from(above),
            },
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn unite(below: &mut Vec<Value>, above: &[Value], union: Union) {
    match union {
        Union::ByName => {
            let name = |value: &Value| value.get("name").cloned();
            below.retain(|value| !above.iter().any(|new| name(new) == name(value)));
            below.extend_from_slice(above);
        }
        Union::Of => {
            let new: Vec<_> = above.iter().filter(|value| !below.contains(value)).cloned().collect();
            below.extend(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_merge_named_lists_unite_other_lists_are_replaced() {
        let mut base = json!({
            "apiServer": {"extraArgs": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}], "certSANs": ["x", "y"]},
            "nodeRegistration": {"name": "n", "taints": [{"key": "t"}]},
            "timeouts": {"discovery": "5m"},
        });
        let over = json!({
            "apiServer": {"extraArgs": [{"name": "a", "value": "3"}, {"name": "a", "value": "4"}], "certSANs": ["y", "z"]},
            "nodeRegistration": {"taints": []},
            "clusterName": "c",
        });
        merge(base.as_object_mut().expect("a map"), over.as_object().expect("a map"));
        assert_eq!(
            base,
            json!({
                "apiServer": {
                    "extraArgs": [{"name": "b", "value": "2"}, {"name": "a", "value": "3"}, {"name": "a", "value": "4"}],
                    "certSANs": ["x", "y", "z"],
                },
                "nodeRegistration": {"name": "n", "taints": []},
                "timeouts": {"discovery": "5m"},
                "clusterName": "c",
            })
        );
    }
}

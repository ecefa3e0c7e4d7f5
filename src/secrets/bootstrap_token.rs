//! A bootstrap token as the object by which a running cluster knows it.
//!
//! In: a token. Out: the manifest of its Secret. Absent on purpose: applying it; kubespore calls no API server.

use time::OffsetDateTime;

use super::bundle::{Token, instant};
use crate::secret::Secret;
use crate::yaml::{Yaml, to_string};

/// The group that kubeadm's rules let post certificate requests and read what a join needs.
const GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Writes the Secret of type `bootstrap.kubernetes.io/token` that lets a node join a cluster that runs already
/// (k8s.io/cluster-bootstrap, token/api); without `until` it never expires.
#[must_use]
pub fn bootstrap_token_manifest(token: &Token, node: &str, until: Option<OffsetDateTime>) -> Secret {
    let text = |text: &str| Yaml::str(text);
    let mut data = vec![
        ("description".to_owned(), text(&format!("kubespore: {node}"))),
        ("token-id".to_owned(), text(&token.id)),
        ("token-secret".to_owned(), text(token.secret.expose())),
    ];
    data.extend(until.map(|until| ("expiration".to_owned(), text(&instant(until)))));
    data.extend([
        ("usage-bootstrap-authentication".to_owned(), text("true")),
        ("usage-bootstrap-signing".to_owned(), text("true")),
        ("auth-extra-groups".to_owned(), text(GROUP)),
    ]);
    let name = format!("bootstrap-token-{}", token.id);
    Secret::new(to_string(&Yaml::map([
        ("apiVersion", text("v1")),
        ("kind", text("Secret")),
        ("metadata", Yaml::map([("name", text(&name)), ("namespace", text("kube-system"))])),
        ("type", text("bootstrap.kubernetes.io/token")),
        ("stringData", Yaml::Map(data)),
    ])))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_object_is_what_the_api_server_looks_for() {
        let token = Token { id: "abcdef".into(), secret: Secret::new("0123456789abcdef") };
        let shown = bootstrap_token_manifest(&token, "worker-1", Some(datetime!(2026-01-02 03:04:05 UTC)));
        assert_eq!(
            shown.expose(),
            "apiVersion: \"v1\"\nkind: \"Secret\"\nmetadata:\n  name: \"bootstrap-token-abcdef\"\n  namespace: \"kube-system\"\n\
             type: \"bootstrap.kubernetes.io/token\"\nstringData:\n  description: \"kubespore: worker-1\"\n  token-id: \"abcdef\"\n  \
             token-secret: \"0123456789abcdef\"\n  expiration: \"2026-01-02T03:04:05Z\"\n  usage-bootstrap-authentication: \"true\"\n  \
             usage-bootstrap-signing: \"true\"\n  auth-extra-groups: \"system:bootstrappers:kubeadm:default-node-token\"\n"
        );
        assert!(!bootstrap_token_manifest(&token, "worker-1", None).expose().contains("expiration"));
    }
}

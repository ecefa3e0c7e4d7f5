//! A bootstrap token as the object by which a running cluster knows it.
//!
//! In: a token, or a node's that is younger than its cluster. Out: the manifest of its Secret. Absent on purpose: applying
//! it; kubespore calls no API server.

use time::OffsetDateTime;

use super::bundle::{Bundle, Token, instant};
use crate::profile::spec::{ClusterSpec, Discovery, NodeSpec};
use crate::secret::Secret;
use crate::yaml::{Yaml, to_string};

/// The group that kubeadm's rules let post certificate requests and read what a join needs.
const GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Writes the manifest that a running cluster must be given before a node joins it: that of a token which was made after
/// the bundle, or of any token where nobody founds, good for the profile's `tokenTTL` from when it was made. `None` for a
/// node whose token the founder creates, or that joins without one.
#[must_use]
pub fn late_token_manifest(spec: &ClusterSpec, bundle: &Bundle, node: &NodeSpec) -> Option<String> {
    let known = bundle.nodes.get(node.name.as_str())?;
    if !spec.joins_by_token(node.role) {
        return None;
    }
    late_token_since(spec, bundle, node)?;
    let until = late_token_until(spec, bundle, node);
    Some(bootstrap_token_manifest(&known.token, node.name.as_str(), until, spec.join.discovery).expose().to_owned())
}

/// Returns when a token that no founder creates ends; `None` when it never does, or when the founder creates it.
#[must_use]
pub fn late_token_until(spec: &ClusterSpec, bundle: &Bundle, node: &NodeSpec) -> Option<OffsetDateTime> {
    let since = late_token_since(spec, bundle, node)?;
    (!spec.join.token_ttl.is_zero()).then(|| since.saturating_add(spec.join.token_ttl))
}

/// Returns when a token was made that no founder creates; `None` for one that the founder does.
#[must_use]
pub fn late_token_since(spec: &ClusterSpec, bundle: &Bundle, node: &NodeSpec) -> Option<OffsetDateTime> {
    let known = bundle.nodes.get(node.name.as_str())?;
    known.token_since.or(spec.bootstrap.existing.then_some(bundle.minted))
}

/// Writes the Secret of type `bootstrap.kubernetes.io/token` that lets a node join a cluster that runs already
/// (k8s.io/cluster-bootstrap, token/api); without `until` it never expires.
#[must_use]
pub fn bootstrap_token_manifest(token: &Token, node: &str, until: Option<OffsetDateTime>, discovery: Discovery) -> Secret {
    let text = |text: &str| Yaml::str(text);
    let mut data = vec![
        ("description".to_owned(), text(&format!("kubespore: {node}"))),
        ("token-id".to_owned(), text(&token.id)),
        ("token-secret".to_owned(), text(token.secret.expose())),
    ];
    data.extend(until.map(|until| ("expiration".to_owned(), text(&instant(until)))));
    data.push(("usage-bootstrap-authentication".to_owned(), text("true")));
    // Only discovery by token looks for a signature made with it.
    data.extend((discovery == Discovery::Token).then(|| ("usage-bootstrap-signing".to_owned(), text("true"))));
    data.push(("auth-extra-groups".to_owned(), text(GROUP)));
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
    use crate::diag::Source;
    use crate::profile;
    use crate::secrets::sample::{NOW, request};
    use crate::secrets::{MintRequest, add_nodes, mint, requests};

    #[test]
    fn the_object_is_what_the_api_server_looks_for() {
        let token = Token { id: "abcdef".into(), secret: Secret::new("0123456789abcdef") };
        let shown = bootstrap_token_manifest(&token, "worker-1", Some(datetime!(2026-01-02 03:04:05 UTC)), Discovery::Token);
        assert_eq!(
            shown.expose(),
            "apiVersion: \"v1\"\nkind: \"Secret\"\nmetadata:\n  name: \"bootstrap-token-abcdef\"\n  namespace: \"kube-system\"\n\
             type: \"bootstrap.kubernetes.io/token\"\nstringData:\n  description: \"kubespore: worker-1\"\n  token-id: \"abcdef\"\n  \
             token-secret: \"0123456789abcdef\"\n  expiration: \"2026-01-02T03:04:05Z\"\n  usage-bootstrap-authentication: \"true\"\n  \
             usage-bootstrap-signing: \"true\"\n  auth-extra-groups: \"system:bootstrappers:kubeadm:default-node-token\"\n"
        );
        let shorter = bootstrap_token_manifest(&token, "worker-1", None, Discovery::File);
        assert!(!shorter.expose().contains("expiration") && !shorter.expose().contains("signing"));
    }

    /// The example, joining in another way.
    fn spec(credential: &str, ttl: &str) -> ClusterSpec {
        let text = include_str!("../../profiles/ha-stacked.yaml");
        let (before, rest) = text.split_once("join: ").expect("the example says how to join");
        let (_, after) = rest.split_once('\n').expect("more follows");
        let text = format!("{before}join: {{discovery: file, credential: {credential}, tokenTTL: {ttl}}}\n{after}");
        let source = Source { name: "lab.yaml".into(), text };
        let (spec, report) = profile::load(&source, &|_| Err("there are no files".into()));
        spec.unwrap_or_else(|| panic!("{}", report.render(&source, false)))
    }

    #[test]
    fn a_running_cluster_is_told_of_the_tokens_it_does_not_know_and_of_no_other() {
        let early = spec("token", "24h");
        let nodes = requests(&early);
        let mut bundle = mint(&MintRequest { nodes: &nodes, ..request() }, NOW).expect("entropy");
        let told = |spec: &ClusterSpec, bundle: &Bundle| {
            let late =
                spec.nodes.iter().filter_map(|node| Some((node.name.to_string(), late_token_manifest(spec, bundle, node)?)));
            late.collect::<Vec<_>>()
        };
        assert_eq!(told(&early, &bundle), [], "the founder creates them all");
        bundle.nodes.remove("worker-2");
        add_nodes(&mut bundle, &nodes, datetime!(2027-01-31 12:00:00.5 UTC)).expect("entropy");
        let late = told(&early, &bundle);
        assert_eq!(late.len(), 1);
        let (name, manifest) = &late[0];
        assert_eq!(name, "worker-2");
        assert!(manifest.contains(&format!("token-secret: \"{}\"", bundle.nodes["worker-2"].token.secret.expose())));
        assert!(manifest.contains("expiration: \"2027-02-01T12:00:00Z\""), "a day from when it was made");
        assert!(!manifest.contains("signing"), "discovery by file wants no signature");
        assert_eq!(told(&early, &bundle), late, "the same bundle, the same bytes");
        let (_, endless) = &told(&spec("token", "0s"), &bundle)[0];
        assert!(!endless.contains("expiration"));
        assert_eq!(told(&spec("identity", "24h"), &bundle), [], "it joins as itself");
    }
}

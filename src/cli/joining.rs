//! What a node joins with, for the verbs that hand out a token.
//!
//! In: a profile and the name of a node. Out: the node, or why it has no token. Absent on purpose: the token itself.

use crate::error::Error;
use crate::profile::spec::{ClusterSpec, Credential, NodeSpec, Role};

/// Finds a node of the profile.
///
/// # Errors
/// When there is none of that name; `doing` begins the sentence.
pub fn find<'s>(spec: &'s ClusterSpec, name: &str, doing: &str) -> Result<&'s NodeSpec, Error> {
    let node = spec.nodes.iter().find(|node| node.name.as_str() == name);
    node.ok_or_else(|| {
        let known: Vec<_> = spec.nodes.iter().map(|node| node.name.as_str()).collect();
        Error::new(format!("{doing}: the profile has no such node")).help(format!("its nodes are {}", known.join(", ")))
    })
}

/// Finds a node that joins with a token.
///
/// # Errors
/// When there is no such node, or it joins with something else or nothing; `doing` begins the sentence.
pub fn by_token<'s>(spec: &'s ClusterSpec, name: &str, doing: &str) -> Result<&'s NodeSpec, Error> {
    let node = find(spec, name, doing)?;
    let renews = format!("the certificate is in its seed; `kubespore secrets rotate node PROFILE {name}` renews it");
    let (why, help) = match (node.role, spec.credential(node.role)) {
        (Role::LoadBalancer, _) => ("it is a load balancer, which joins no cluster", String::new()),
        (Role::Etcd, _) => ("it is an etcd machine, which joins no Kubernetes cluster", String::new()),
        (_, Credential::Token) => return Ok(node),
        (_, Credential::Identity) => ("it joins with its own certificate (`credential: identity`), and no token", renews),
        (_, Credential::Certificate) => {
            ("it joins with a bootstrapper's certificate (`credential: certificate`), and no token", renews)
        }
    };
    Err(Error::new(format!("{doing}: {why}")).help(help))
}

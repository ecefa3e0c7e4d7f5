//! What a bundle must be before it is used: whole, and of one piece.
//!
//! In: a bundle as read. Out: every fault by name. Absent on purpose: the values themselves in any message.

use std::collections::BTreeSet;

use super::bundle::{Bundle, CertifiedKey};
use super::x509;

/// Names everything that is wrong; empty when the bundle may be used.
pub fn faults(bundle: &Bundle) -> Vec<String> {
    let mut faults = Vec::new();
    let pairs =
        [("ca", &bundle.ca), ("front-proxy-ca", &bundle.front_proxy_ca), ("etcd-ca", &bundle.etcd_ca), ("admin", &bundle.admin)];
    for (name, pair) in pairs {
        if let Err(fault) = belongs_together(pair) {
            faults.push(format!("`{name}`: {fault}"));
        }
    }
    let authorities: Vec<_> =
        pairs[..3].iter().filter_map(|(name, pair)| Some((*name, x509::parse(&pair.certificate).ok()?))).collect();
    let mut seen = BTreeSet::new();
    for (name, parsed) in &authorities {
        if !parsed.is_authority {
            faults.push(format!("`{name}`: its certificate is not that of an authority (CA:TRUE and keyCertSign)"));
        }
        if !seen.insert(parsed.public_key_sha256) {
            faults.push(format!(
                "`{name}`: it is the same key as another authority's; the API server would take one's clients for the other's"
            ));
        }
    }
    if let (Some((_, ca)), Ok(admin)) = (authorities.first(), x509::parse(&bundle.admin.certificate))
        && !admin.is_signed_by(ca)
    {
        faults.push("`admin`: its certificate is not signed by `ca`".to_owned());
    }
    let account = &bundle.service_account;
    match (x509::public_key(&account.public), x509::public_key_of(account.key.expose())) {
        (Ok(public), Ok(private)) if public == private => {}
        (Ok(_), Ok(_)) => faults.push("`service-account`: the public and the private key do not belong together".to_owned()),
        (Err(fault), _) | (_, Err(fault)) => faults.push(format!("`service-account`: {fault}")),
    }
    let key = bundle.certificate_key.expose();
    if key.len() != 64 || !key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        faults.push("`certificate-key`: it is not 64 lower-case hex digits".to_owned());
    }
    if bundle.cluster_id.len() != 32 || !bundle.cluster_id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        faults.push("`cluster-id`: it is not 32 lower-case hex digits".to_owned());
    }
    if bundle.minted.unix_timestamp() < 0 || bundle.found_until < bundle.minted {
        faults.push("`found-until`: it is before `minted`, or that is before 1970".to_owned());
    }
    let mut ids = BTreeSet::new();
    let plain = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z'));
    for (name, node) in &bundle.nodes {
        if !plain(&node.token.id, 6) || !plain(node.token.secret.expose(), 16) {
            faults.push(format!("`nodes.{name}.token`: it is not of the form [a-z0-9]{{6}}.[a-z0-9]{{16}}"));
        } else if !ids.insert(&node.token.id) {
            faults.push(format!("`nodes.{name}.token`: another node's token has the same id"));
        }
    }
    faults
}

fn belongs_together(pair: &CertifiedKey) -> Result<(), String> {
    let certificate = x509::parse(&pair.certificate)?;
    let key = x509::public_key_of(pair.key.expose())?;
    if certificate.public_key_sha256 == key { Ok(()) } else { Err("the certificate and the key do not belong together".into()) }
}

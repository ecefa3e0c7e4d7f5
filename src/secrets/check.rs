//! What a bundle must be before it is used: whole, and of one piece.
//!
//! In: a bundle as read. Out: every fault by name. Absent on purpose: the values themselves in any message.

use std::collections::BTreeSet;

use super::bundle::{Bundle, CertifiedKey, ServiceAccount};
use super::x509;

/// What is said of a certificate that cannot sign others; kubeadm would not notice a missing keyCertSign.
pub const NO_AUTHORITY: &str = "its certificate is not that of an authority (CA:TRUE and keyCertSign)";

/// Names everything that is wrong; empty when the bundle may be used.
pub fn faults(bundle: &Bundle) -> Vec<String> {
    let mut faults = Vec::new();
    let pairs = bundle.certificates();
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
            faults.push(format!("`{name}`: {NO_AUTHORITY}"));
        }
        if !seen.insert(parsed.public_key_sha256) {
            faults.push(format!(
                "`{name}`: it is the same key as another authority's; the API server would take one's clients for the other's"
            ));
        }
    }
    if let (Ok(ca), Ok(admin)) = (x509::parse(&bundle.ca.certificate), x509::parse(&bundle.admin.certificate))
        && !admin.is_signed_by(&ca)
    {
        faults.push("`admin`: its certificate is not signed by `ca`".to_owned());
    }
    if let Err(fault) = account_belongs_together(&bundle.service_account) {
        faults.push(format!("`service-account`: {fault}"));
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

/// Checks that a certificate certifies a key.
pub fn belongs_together(pair: &CertifiedKey) -> Result<(), String> {
    alone(&pair.certificate, |label| label == "CERTIFICATE")?;
    let certificate = x509::parse(&pair.certificate)?;
    let key = x509::public_key_of(pair.key.expose())?;
    if certificate.public_key_sha256 == key { Ok(()) } else { Err("the certificate and the key do not belong together".into()) }
}

/// Checks that a public key is a private key's.
pub fn account_belongs_together(account: &ServiceAccount) -> Result<(), String> {
    alone(&account.public, |label| label == "PUBLIC KEY")?;
    let public = x509::public_key(&account.public)?;
    let private = x509::public_key_of(account.key.expose())?;
    if public.sha256 == private { Ok(()) } else { Err("the public and the private key do not belong together".into()) }
}

/// Refuses a public text that holds anything else: it goes to machines that may hold no key.
fn alone(text: &str, wanted: impl Fn(&str) -> bool) -> Result<(), String> {
    if *x509::blocks(text, wanted) == text { Ok(()) } else { Err("its public half holds more or less than whole PEM blocks of its kind".into()) }
}

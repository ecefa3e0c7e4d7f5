//! What a bundle must be before it is used: whole, and of one piece.
//!
//! In: a bundle as read. Out: every fault by name. Absent on purpose: the values themselves in any message.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::bundle::{Bundle, CertifiedKey, ServiceAccount};
use super::leaf::Authority;
use super::rotation::CaRotation;
use super::x509::{self, Parsed};

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
    match &bundle.ca_rotation {
        None | Some(CaRotation::Forget) => {}
        Some(CaRotation::Trust(next)) => {
            faults.extend(belongs_together(next).and_then(|()| another(&next.certificate, &authorities)).err().map(in_rotation));
        }
        Some(CaRotation::Sign(former)) => {
            let sound = alone(former, |label| label == "CERTIFICATE").and_then(|()| another(former, &authorities));
            faults.extend(sound.err().map(in_rotation));
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
    if let Some(key) = &bundle.encryption_key {
        let named =
            !key.name.is_empty() && key.name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let whole = STANDARD.decode(key.secret.expose()).map(Zeroizing::new).is_ok_and(|key| key.len() == 32);
        if !named {
            faults.push("`encryption-key`: its name is not of letters, digits, `-`, `_` and `.`".to_owned());
        }
        if !whole {
            faults.push("`encryption-key`: its secret is not base64 of 32 bytes".to_owned());
        }
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
        for (leaf, issued) in &node.leaves {
            let at = format!("`nodes.{name}.{}`", leaf.as_str());
            let authority = match leaf.authority() {
                Authority::Cluster => ("ca", &bundle.ca),
                Authority::FrontProxy => ("front-proxy-ca", &bundle.front_proxy_ca),
                Authority::Etcd => ("etcd-ca", &bundle.etcd_ca),
            };
            match (belongs_together(issued), x509::parse(&issued.certificate), x509::parse(&authority.1.certificate)) {
                (Err(fault), ..) => faults.push(format!("{at}: {fault}")),
                (Ok(()), Ok(own), Ok(signer)) if !own.is_signed_by(&signer) => {
                    faults.push(format!("{at}: its certificate is not signed by `{}`", authority.0));
                }
                _ => {}
            }
        }
    }
    faults
}

fn in_rotation(fault: String) -> String {
    format!("`ca-rotation`: {fault}")
}

/// Wants a certificate to be that of an authority that is none of those known.
fn another(certificate: &str, known: &[(&str, Parsed)]) -> Result<(), String> {
    let parsed = x509::parse(certificate)?;
    if !parsed.is_authority {
        return Err(NO_AUTHORITY.into());
    }
    match known.iter().find(|(_, own)| own.public_key_sha256 == parsed.public_key_sha256) {
        None => Ok(()),
        Some((name, _)) => Err(format!("it is the same key as that of `{name}`")),
    }
}

/// Checks that a certificate certifies a key.
pub fn belongs_together(pair: &CertifiedKey) -> Result<(), String> {
    alone(&pair.certificate, |label| label == "CERTIFICATE")?;
    one_key(pair.key.expose())?;
    let certificate = x509::parse(&pair.certificate)?;
    let key = x509::public_key_of(pair.key.expose())?;
    if certificate.public_key_sha256 == key { Ok(()) } else { Err("the certificate and the key do not belong together".into()) }
}

/// Checks that a public key is a private key's.
pub fn account_belongs_together(account: &ServiceAccount) -> Result<(), String> {
    alone(&account.public, |label| label == "PUBLIC KEY")?;
    one_key(account.key.expose())?;
    let public = x509::public_key(&account.public)?;
    let private = x509::public_key_of(account.key.expose())?;
    if public.sha256 == private { Ok(()) } else { Err("the public and the private key do not belong together".into()) }
}

/// Refuses a public text that holds anything else: it goes to machines that may hold no key.
fn alone(text: &str, wanted: impl Fn(&str) -> bool) -> Result<(), String> {
    if *x509::blocks(text, wanted) == text {
        Ok(())
    } else {
        Err("its public half holds more or less than whole PEM blocks of its kind".into())
    }
}

/// Wants one PEM block and nothing around or in it but base64: who looks for the key later looks for these bytes.
fn one_key(text: &str) -> Result<(), String> {
    let whole = *x509::blocks(text, |label| label.ends_with("PRIVATE KEY")) == text && text.matches("-----BEGIN ").count() == 1;
    let mut body = Zeroizing::new(String::with_capacity(text.len()));
    text.lines().filter(|line| !line.starts_with("-----")).for_each(|line| body.push_str(line));
    let plain = STANDARD.decode(body.as_bytes()).map(Zeroizing::new).is_ok();
    if whole && plain { Ok(()) } else { Err("its key is not one plain PEM block of a private key".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::secrets::EncryptionKey;
    use crate::secrets::sample::{bundle, fresh};

    /// Every fault of the sample bundle after `damage`.
    fn after(damage: impl FnOnce(&mut Bundle)) -> Vec<String> {
        let mut bundle = bundle();
        damage(&mut bundle);
        faults(&bundle)
    }

    #[test]
    fn a_minted_bundle_is_of_one_piece() {
        assert_eq!(after(|_| {}), [""; 0]);
    }

    #[test]
    fn every_pair_that_does_not_belong_together_is_named() {
        let other = fresh();
        let mixed = "the certificate and the key do not belong together";
        assert_eq!(after(|b| b.ca.key = other.ca.key.clone()), [format!("`ca`: {mixed}")]);
        assert_eq!(after(|b| b.front_proxy_ca.key = other.front_proxy_ca.key.clone()), [format!("`front-proxy-ca`: {mixed}")]);
        assert_eq!(after(|b| b.etcd_ca.certificate = other.etcd_ca.certificate.clone()), [format!("`etcd-ca`: {mixed}")]);
        assert_eq!(after(|b| b.admin.key = other.admin.key.clone()), [format!("`admin`: {mixed}")]);
        let account = "`service-account`: the public and the private key do not belong together";
        assert_eq!(after(|b| b.service_account.key = other.service_account.key.clone()), [account]);
    }

    #[test]
    fn pieces_of_another_cluster_are_named() {
        let other = fresh();
        let foreign = ["`admin`: its certificate is not signed by `ca`"];
        assert_eq!(after(|b| b.ca = other.ca.clone()), foreign);
        assert_eq!(after(|b| b.admin = other.admin.clone()), foreign);
    }

    #[test]
    fn authorities_are_authorities_and_each_its_own() {
        let said = after(|b| b.front_proxy_ca = b.ca.clone());
        assert!(said.len() == 1 && said[0].starts_with("`front-proxy-ca`: it is the same key"), "{said:?}");
        assert_eq!(after(|b| b.etcd_ca = b.admin.clone()), [format!("`etcd-ca`: {NO_AUTHORITY}")]);
    }

    #[test]
    fn damaged_texts_are_named() {
        let said = after(|b| b.ca.certificate.truncate(200));
        assert!(said[0].starts_with("`ca`: "), "{said:?}");
        let said = after(|b| b.etcd_ca.key = Secret::new(&b.etcd_ca.key.expose()[..60]));
        assert!(said.len() == 1 && said[0].starts_with("`etcd-ca`: its key is not one plain PEM"), "{said:?}");
        let twice = |b: &mut Bundle| b.ca.key = Secret::new([b.ca.key.expose(), b.ca.key.expose()].concat());
        assert_eq!(after(twice), ["`ca`: its key is not one plain PEM block of a private key"]);
        let headed =
            |b: &mut Bundle| b.ca.key = Secret::new(b.ca.key.expose().replacen("KEY-----\n", "KEY-----\nComment: mine\n\n", 1));
        assert_eq!(after(headed), ["`ca`: its key is not one plain PEM block of a private key"]);
        let said = after(|b| b.service_account.public = b.ca.certificate.clone());
        assert!(said.len() == 1 && said[0].starts_with("`service-account`: "), "{said:?}");
        let said = after(|b| b.service_account.public = b.service_account.public.replace("MFkw", "MFkx"));
        assert!(said.len() == 1 && said[0].starts_with("`service-account`: its public key is not"), "{said:?}");
    }

    #[test]
    fn a_public_half_holds_no_key() {
        let said = after(|b| b.ca.certificate.push_str(b.ca.key.expose()));
        assert!(said.len() == 1 && said[0].starts_with("`ca`: its public half holds more"), "{said:?}");
        let said = after(|b| b.service_account.public.push_str("kept here for later\n"));
        assert!(said.len() == 1 && said[0].starts_with("`service-account`: its public half holds more"), "{said:?}");
    }

    #[test]
    fn shapes_are_checked() {
        let token = "`nodes.cp-1.token`: it is not of the form [a-z0-9]{6}.[a-z0-9]{16}";
        for (id, secret) in
            [("ABCDEF", "0123456789abcdef"), ("abcde", "0123456789abcdef"), ("abcdef", "0123456789abcdeg-"), ("", "")]
        {
            let said = after(|b| {
                let node = b.nodes.get_mut("cp-1").expect("it is there");
                node.token = crate::secrets::Token { id: id.into(), secret: Secret::new(secret) };
            });
            assert_eq!(said, [token], "{id}.{secret}");
        }
        let twin = |b: &mut Bundle| b.nodes.get_mut("worker-1").expect("it is there").token.id = b.nodes["cp-1"].token.id.clone();
        assert_eq!(after(twin), ["`nodes.worker-1.token`: another node's token has the same id"]);
        for key in ["", "0123", &"A".repeat(64), &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(
                after(|b| b.certificate_key = Secret::new(key)),
                ["`certificate-key`: it is not 64 lower-case hex digits"]
            );
        }
        let encryption = |name: &str, secret: &str| {
            after(|b| b.encryption_key = Some(EncryptionKey { name: name.into(), secret: Secret::new(secret) }))
        };
        let sound = STANDARD.encode([7; 32]);
        assert_eq!(encryption("key2", &sound), [""; 0]);
        for name in ["", "a:b", "a b"] {
            assert_eq!(encryption(name, &sound), ["`encryption-key`: its name is not of letters, digits, `-`, `_` and `.`"]);
        }
        for secret in ["", "key", &STANDARD.encode([7; 31]), &sound[1..]] {
            assert_eq!(encryption("key1", secret), ["`encryption-key`: its secret is not base64 of 32 bytes"]);
        }
        assert_eq!(after(|b| b.cluster_id = "x".repeat(32)), ["`cluster-id`: it is not 32 lower-case hex digits"]);
        assert_eq!(after(|b| b.found_until = b.minted - time::Duration::SECOND).len(), 1);
    }

    #[test]
    fn no_fault_quotes_a_secret() {
        let other = fresh();
        let said = after(|b| {
            b.ca.key = Secret::new(&other.ca.key.expose()[..150]);
            b.certificate_key = Secret::new("0123456789abcdef".repeat(3));
            b.nodes.get_mut("cp-1").expect("it is there").token.secret = Secret::new("not-the-right-length");
        })
        .join("\n");
        assert!(said.lines().count() == 3, "{said}");
        for secret in [other.ca.key.expose().lines().nth(1).expect("a line"), "0123456789abcdef", "not-the-right-length"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

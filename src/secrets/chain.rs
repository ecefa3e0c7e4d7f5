//! A certificate and those above it, in one PEM text: itself first, then whoever signed it, the root last.
//!
//! In: the text. Out: when it ends, or what is wrong with it. Absent on purpose: name constraints, policies and
//! revocation, which are the verifier's to judge.

use time::OffsetDateTime;

use super::check::NO_AUTHORITY;
use super::x509::{self, Parsed};

/// Returns when the first certificate stops being trusted: it or one of those above it ends.
pub fn until(pem: &str) -> Result<OffsetDateTime, String> {
    let all = x509::parse_all(pem)?;
    let linked = all.windows(2).take_while(|pair| pair[0].is_signed_by(&pair[1])).count();
    Ok(all[..=linked].iter().map(|certificate| certificate.not_after).min().expect("there is the first"))
}

/// Wants every certificate to be an authority's, valid at `now`, and signed by the next one; the last by itself.
///
/// # Errors
/// By the certificate's place in the text.
pub fn check(pem: &str, now: OffsetDateTime) -> Result<(), String> {
    let all = x509::parse_all(pem)?;
    for (place, certificate) in all.iter().enumerate() {
        let at = if place == 0 { String::new() } else { format!("certificate {} in it: ", place + 1) };
        alone(certificate, place, now).map_err(|fault| format!("{at}{fault}"))?;
        match all.get(place + 1) {
            Some(next) if !certificate.is_signed_by(next) => {
                return Err(format!(
                    "{at}the certificate after it did not sign it; the order is its own, its issuer's, …, the root's"
                ));
            }
            None if !certificate.is_signed_by(certificate) => {
                return Err(format!(
                    "{at}whoever signed it is not there; append the issuers up to the root, which machines verify with"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn alone(certificate: &Parsed, place: usize, now: OffsetDateTime) -> Result<(), String> {
    if !certificate.is_authority {
        return Err(NO_AUTHORITY.to_owned());
    }
    if certificate.path_length.is_some_and(|most| usize::try_from(most).is_ok_and(|most| most < place)) {
        return Err("its path length forbids the authorities below it".to_owned());
    }
    if certificate.not_before > now {
        return Err(format!("its validity begins on {}", certificate.not_before.date()));
    }
    if certificate.not_after <= now {
        return Err(format!("its certificate ended on {}", certificate.not_after.date()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
    use time::Duration;

    use super::*;
    use crate::secrets::sample::{NOW, bundle};

    const ANY: BasicConstraints = BasicConstraints::Unconstrained;

    /// An authority that ends some days from now, signed by `above` or by itself.
    struct Made {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn made(name: &str, length: BasicConstraints, days: i64, above: Option<&Made>) -> Made {
        let key = KeyPair::generate().expect("entropy");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(length);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params.not_before, params.not_after) = (NOW - Duration::DAY, NOW + Duration::days(days));
        let certificate = match above {
            None => params.self_signed(&key),
            Some(above) => params.signed_by(&key, &above.issuer),
        };
        Made { pem: certificate.expect("it signs").pem(), issuer: Issuer::new(params, key) }
    }

    #[test]
    fn a_chain_ends_when_its_first_certificate_to_end_does() {
        let root = made("root", ANY, 100, None);
        let middle = made("middle", ANY, 300, Some(&root));
        let own = made("own", BasicConstraints::Constrained(0), 200, Some(&middle));
        let whole = [own.pem.as_str(), &middle.pem, &root.pem].concat();
        assert_eq!(check(&whole, NOW), Ok(()));
        let end = |days| (NOW + Duration::days(days)).replace_nanosecond(0).expect("zero is a nanosecond");
        assert_eq!(until(&whole), Ok(end(100)), "the root ends first");
        let stranger = made("stranger", ANY, 5, None);
        assert_eq!(until(&[own.pem.as_str(), &stranger.pem].concat()), Ok(end(200)), "what did not sign it does not count");
        assert!(until("").is_err());
        let late = NOW + Duration::days(150);
        assert_eq!(check(&whole, late), Err(format!("certificate 3 in it: its certificate ended on {}", end(100).date())));
    }

    #[test]
    fn path_lengths_are_heeded() {
        for (middle, root, sound) in [(0, 1, false), (1, 2, true), (1, 1, false), (2, 9, true)] {
            let length = BasicConstraints::Constrained;
            let root = made("root", length(root), 100, None);
            let middle = made("middle", length(middle), 100, Some(&root));
            let own = made("own", length(0), 100, Some(&middle));
            let said = check(&[own.pem.as_str(), &middle.pem, &root.pem].concat(), NOW);
            assert_eq!(said.is_ok(), sound, "{said:?}");
            assert!(sound || said.is_err_and(|fault| fault.ends_with("forbids the authorities below it")));
        }
    }

    #[test]
    fn the_controller_manager_gets_one_certificate() {
        let mut bundle = bundle();
        assert_eq!(bundle.signing_certificate(), None, "ca.crt is one");
        let own = bundle.ca.certificate.clone();
        bundle.ca.certificate.push_str(&bundle.etcd_ca.certificate.clone());
        assert_eq!(bundle.signing_certificate(), Some(own.as_str()));
    }
}

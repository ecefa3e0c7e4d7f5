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

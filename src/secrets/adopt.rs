//! A public-key infrastructure that exists already, in the directory where kubeadm would keep it.
//!
//! In: a directory laid out as `/etc/kubernetes/pki`. Out: the pairs found in it, each checked. Absent on purpose:
//! leaves, which kubeadm issues on the machines; and what is missing, which `mint` makes.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::bundle::{CertifiedKey, ServiceAccount};
use super::{check, x509};
use crate::error::{Doing, Error};
use crate::secret::Secret;

/// No certificate or key comes near this.
const LARGEST: u64 = 1 << 20;

/// What a cluster has already; `None` is to be minted.
#[derive(Debug, Default)]
pub struct Existing {
    /// `ca.crt` and `ca.key`.
    pub ca: Option<CertifiedKey>,
    /// `front-proxy-ca.crt` and `front-proxy-ca.key`.
    pub front_proxy_ca: Option<CertifiedKey>,
    /// `etcd/ca.crt` and `etcd/ca.key`.
    pub etcd_ca: Option<CertifiedKey>,
    /// `sa.pub` and `sa.key`.
    pub service_account: Option<ServiceAccount>,
}

impl Existing {
    /// Names what there is, as kubeadm names the files.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let present = [
            (self.ca.is_some(), "ca"),
            (self.front_proxy_ca.is_some(), "front-proxy-ca"),
            (self.etcd_ca.is_some(), "etcd/ca"),
            (self.service_account.is_some(), "sa"),
        ];
        present.into_iter().filter(|(there, _)| *there).map(|(_, name)| name).collect()
    }
}

/// Reads what kubeadm would share among control planes; `ca` must be there, the others may be missing as a pair.
///
/// # Errors
/// By the file's name: half a pair, files that do not belong together, an authority that is none or has ended by `now`.
pub fn read_pki(directory: &Path, now: OffsetDateTime) -> Result<Existing, Error> {
    let existing = Existing {
        ca: authority(directory, "ca", now)?,
        front_proxy_ca: authority(directory, "front-proxy-ca", now)?,
        etcd_ca: authority(directory, "etcd/ca", now)?,
        service_account: service_account(directory)?,
    };
    if existing.ca.is_none() {
        return Err(Error::new(format!("importing {}: there are no ca.crt and ca.key in it", directory.display()))
            .help("name a directory laid out as /etc/kubernetes/pki; `kubespore secrets new` makes a new authority"));
    }
    Ok(existing)
}

fn authority(directory: &Path, name: &str, now: OffsetDateTime) -> Result<Option<CertifiedKey>, Error> {
    let (certificate_file, key_file) = (format!("{name}.crt"), format!("{name}.key"));
    let refused = |fault: String| Error::new(format!("importing {}: {fault}", directory.join(name).display()));
    let certificate = read(directory, &certificate_file, |label| label == "CERTIFICATE")?;
    let key = read(directory, &key_file, |label| label.ends_with("PRIVATE KEY"))?;
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(refused(format!("there is {certificate_file} without {key_file}"))),
        (None, Some(_)) => return Err(refused(format!("there is {key_file} without {certificate_file}"))),
        (Some(certificate), Some(key)) => (certificate, key),
    };
    let pair = CertifiedKey { certificate: certificate.to_string(), key: Secret::new(key.as_str()) };
    check::belongs_together(&pair).map_err(refused)?;
    let parsed = x509::parse(&pair.certificate).map_err(refused)?;
    if !parsed.is_authority {
        return Err(refused(check::NO_AUTHORITY.to_owned()));
    }
    if parsed.not_after <= now {
        return Err(refused(format!("its certificate ended on {}", parsed.not_after.date())));
    }
    Ok(Some(pair))
}

fn service_account(directory: &Path) -> Result<Option<ServiceAccount>, Error> {
    let refused = |fault: String| Error::new(format!("importing {}: {fault}", directory.join("sa").display()));
    let public = read(directory, "sa.pub", |label| label == "PUBLIC KEY")?;
    let Some(key) = read(directory, "sa.key", |label| label.ends_with("PRIVATE KEY"))? else {
        return if public.is_some() { Err(refused("there is sa.pub without sa.key".to_owned())) } else { Ok(None) };
    };
    // kubeadm never makes a missing sa.pub, and without it the API server does not start.
    let public = match public {
        Some(public) => public.to_string(),
        None => x509::private_key(&key).map_err(refused)?.public_key_pem(),
    };
    let account = ServiceAccount { public, key: Secret::new(key.as_str()) };
    check::account_belongs_together(&account).map_err(refused)?;
    Ok(Some(account))
}

fn read(directory: &Path, name: &str, wanted: impl Fn(&str) -> bool) -> Result<Option<Zeroizing<String>>, Error> {
    let path = directory.join(name);
    let doing = || format!("reading {}", path.display());
    // Before opening: a FIFO would wait for ever.
    let found = match std::fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.doing(doing)?,
    };
    if !found.is_file() || found.len() > LARGEST {
        return Err(Error::new(format!("{}: it is no PEM file", doing())));
    }
    let file = File::open(&path).doing(doing)?;
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(found.len()).unwrap_or_default() + 1));
    file.take(LARGEST).read_to_string(&mut text).doing(doing)?;
    let kept = x509::blocks(&text, wanted);
    if kept.is_empty() { Err(Error::new(format!("{}: there is no PEM of the kind its name promises", doing()))) } else { Ok(Some(kept)) }
}

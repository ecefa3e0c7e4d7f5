//! A bundle whose authorities are certified elsewhere: its keys, and the requests that go there.
//!
//! In: a cluster's name and the present moment; later, the signed certificates. Out: PKCS#10 requests; then what `adopt`
//! makes a bundle of. Absent on purpose: a certificate made here in the meantime.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa};
use time::OffsetDateTime;

use super::adopt::{self, Existing};
use super::bundle::CertifiedKey;
use super::{chain, check, mint, x509};
use crate::error::{Doing, Error};
use crate::profile::spec::KeyAlgorithm;
use crate::secret::Secret;

/// The keys of a cluster's authorities, made here and never leaving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaiting {
    /// The cluster's name.
    pub cluster: String,
    /// When the keys were made, in whole seconds.
    pub requested: OffsetDateTime,
    /// The key of the cluster's authority.
    pub ca: Secret,
    /// The key of the aggregation layer's authority.
    pub front_proxy_ca: Secret,
    /// The key of etcd's authority.
    pub etcd_ca: Secret,
}

impl Awaiting {
    /// Makes the keys.
    ///
    /// # Errors
    /// When the system has no entropy to give.
    pub fn new(cluster: &str, kind: KeyAlgorithm, now: OffsetDateTime) -> Result<Self, Error> {
        let key = || mint::key_pair(kind).map(|key| Secret::new(key.serialize_pem()));
        let requested = now.replace_nanosecond(0).expect("zero is a nanosecond");
        Ok(Self { cluster: cluster.to_owned(), requested, ca: key()?, front_proxy_ca: key()?, etcd_ca: key()? })
    }

    /// Returns its keys by the names they have in the bundle, which are those of the files that go out and come in.
    #[must_use]
    pub fn keys(&self) -> [(&'static str, &Secret); 3] {
        [("ca", &self.ca), ("front-proxy-ca", &self.front_proxy_ca), ("etcd-ca", &self.etcd_ca)]
    }

    /// Writes the requests, PKCS#10 in PEM, by the names of their files.
    ///
    /// # Errors
    /// When a key is not one that kubeadm reads.
    pub fn requests(&self) -> Result<[(String, String); 3], Error> {
        let mut requests = self.keys().map(|(name, _)| (format!("{name}.csr"), String::new()));
        for ((name, key), (_, request)) in self.keys().into_iter().zip(&mut requests) {
            *request = self.request(name, key)?;
        }
        Ok(requests)
    }

    fn request(&self, name: &'static str, key: &Secret) -> Result<String, Error> {
        let doing = || format!("requesting a certificate for `{name}` of {}", self.cluster);
        let key = x509::private_key(key.expose()).map_err(|fault| Error::new(format!("{}: {fault}", doing())))?;
        let mut params = CertificateParams::default();
        // As kubeadm names its own; whoever signs may name it otherwise.
        params.distinguished_name = mint::common_name(if name == "ca" { "kubernetes" } else { name });
        // It signs leaves and no further authority.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = mint::authority_usages();
        params.serialize_request(&*key).and_then(|request| request.pem()).doing(doing)
    }

    /// Takes the signed certificates out of `directory`: for each `*.csr` a `*.crt`, the authority first, then whoever
    /// signed it, and the root last.
    ///
    /// # Errors
    /// By the file's name: it is missing, of another key, no authority's, not valid at `now`, or its chain does not end in a root.
    pub fn signed(&self, directory: &Path, now: OffsetDateTime) -> Result<Existing, Error> {
        let mut taken = self.keys().into_iter().map(|(name, key)| {
            let file = format!("{name}.crt");
            let refused = |fault: String| Error::new(format!("importing {}: {fault}", directory.join(&file).display()));
            let certificate = adopt::certificates(directory, &file)?
                .ok_or_else(|| refused("it is not there".into()).help(format!("it answers the request {name}.csr")))?;
            let pair = CertifiedKey { certificate, key: key.clone() };
            check::belongs_together(&pair)
                .map_err(|fault| refused(fault).help(format!("the first certificate in it must answer {name}.csr")))?;
            chain::check(&pair.certificate, now).map_err(refused)?;
            Ok(Some(pair))
        });
        let mut next = || taken.next().expect("there are three keys");
        Ok(Existing { ca: next()?, front_proxy_ca: next()?, etcd_ca: next()?, service_account: None })
    }
}

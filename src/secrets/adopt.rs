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

    /// Names the files of what there is not, and what they are wanted for.
    #[must_use]
    pub fn lacks(&self) -> Vec<(&'static str, &'static str)> {
        let all = [
            (self.ca.is_some(), "ca.crt and ca.key", "the cluster's authority certifies its machines"),
            (
                self.front_proxy_ca.is_some(),
                "front-proxy-ca.crt and front-proxy-ca.key",
                "the front-proxy authority certifies API servers towards extension API servers",
            ),
            (self.etcd_ca.is_some(), "etcd/ca.crt and etcd/ca.key", "etcd's authority certifies its members and its clients"),
            (self.service_account.is_some(), "sa.key", "with it service-account tokens are signed"),
        ];
        all.into_iter().filter(|(there, ..)| !there).map(|(_, files, why)| (files, why)).collect()
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

/// Reads the certificates in a file of `directory`, without what stands around them; `None` when there is no such file.
pub fn certificates(directory: &Path, name: &str) -> Result<Option<String>, Error> {
    Ok(read(directory, name, |label| label == "CERTIFICATE")?.map(|text| text.to_string()))
}

fn authority(directory: &Path, name: &str, now: OffsetDateTime) -> Result<Option<CertifiedKey>, Error> {
    let (certificate_file, key_file) = (format!("{name}.crt"), format!("{name}.key"));
    let refused = |fault: String| Error::new(format!("importing {}: {fault}", directory.join(name).display()));
    let certificate = certificates(directory, &certificate_file)?;
    let key = read(directory, &key_file, |label| label.ends_with("PRIVATE KEY"))?;
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(_), None) if name == "etcd/ca" && directory.join("apiserver-etcd-client.crt").exists() => {
            return Err(refused("the API server's client certificate is there, and the key of the authority that signed it is not".into())
                .help(
                    "each control plane gets an apiserver-etcd-client of its own, signed here: fetch etcd/ca.key from where etcd's authority is kept",
                ));
        }
        (Some(_), None) => return Err(refused(format!("there is {certificate_file} without {key_file}"))),
        (None, Some(_)) => return Err(refused(format!("there is {key_file} without {certificate_file}"))),
        (Some(certificate), Some(key)) => (certificate, key),
    };
    let pair = CertifiedKey { certificate, key: Secret::new(key.as_str()) };
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
    if kept.is_empty() {
        Err(Error::new(format!("{}: there is no PEM of the kind its name promises", doing())))
    } else {
        Ok(Some(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::sample::{NOW, Scratch, bundle, fresh, request};
    use crate::secrets::{Seal, adopt, load, save_new};

    /// Made by openssl as kubeadm makes its own: a PrintableString for a name, no AKI, SHA-1 for an SKI; good until 2126.
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
         MIIBcDCCARagAwIBAgIUDCcBJowrpn73p7S6KbDPT8XrEGkwCgYIKoZIzj0EAwIw\n\
         FTETMBEGA1UEAxMKa3ViZXJuZXRlczAgFw0yNjExMjMxMTQwMzRaGA8yMTI2MTAz\n\
         MDExNDAzNFowFTETMBEGA1UEAxMKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG\n\
         SM49AwEHA0IABElcQUtRAAHtem7sYbyEn8L9v/qVumNF162DX27DbDXmhos06HL2\n\
         MLRxIxymsydhtUzZ95Wqe9uAXcet6YKVuhqjQjBAMA8GA1UdEwEB/wQFMAMBAf8w\n\
         DgYDVR0PAQH/BAQDAgKkMB0GA1UdDgQWBBTucD+YobKo57/tGBpuh5syhyo+2DAK\n\
         BggqhkjOPQQDAgNIADBFAiBsuZJG6rMi7LDbQZhkoSs4NXl7QMtbI8xP1cTmKwl5\n\
         gwIhAPsaGzdSXWavPgVC/ENZqfNH+G31FVhA79mfiRToYgBS\n\
         -----END CERTIFICATE-----\n";
    /// Its key in SEC 1, with the parameters that openssl writes before it.
    const KEY: &str = "-----BEGIN EC PARAMETERS-----\n\
         BggqhkjOPQMBBw==\n\
         -----END EC PARAMETERS-----\n\
         -----BEGIN EC PRIVATE KEY-----\n\
         MHcCAQEEIDmGBsLEp698DE6pAIzuqq0DoXD6Ms4A7VN1A7gY2vc1oAoGCCqGSM49\n\
         AwEHoUQDQgAESVxBS1EAAe16buxhvISfwv2/+pW6Y0XXrYNfbsNsNeaGizTocvYw\n\
         tHEjHKazJ2G1TNn3lap724Bdx63pgpW6Gg==\n\
         -----END EC PRIVATE KEY-----\n";

    /// A directory with everything, from the sample bundle.
    fn pki(scratch: &Scratch) {
        let bundle = bundle();
        for (name, pair) in [("ca", &bundle.ca), ("front-proxy-ca", &bundle.front_proxy_ca), ("etcd/ca", &bundle.etcd_ca)] {
            scratch.write(&format!("{name}.crt"), &pair.certificate);
            scratch.write(&format!("{name}.key"), pair.key.expose());
        }
        scratch.write("sa.pub", &bundle.service_account.public);
        scratch.write("sa.key", bundle.service_account.key.expose());
    }

    fn refused(scratch: &Scratch) -> String {
        read_pki(&scratch.path(""), NOW).map(|_| ()).expect_err("it is not to be taken over").what
    }

    #[test]
    fn what_is_there_is_kept_and_the_rest_is_minted() {
        let scratch = Scratch::new();
        pki(&scratch);
        let existing = read_pki(&scratch.path(""), NOW).expect("sound");
        assert_eq!(existing.names(), ["ca", "front-proxy-ca", "etcd/ca", "sa"]);
        let (adopted, original) = (adopt(existing, &request(), NOW).expect("sound"), bundle());
        assert_eq!(adopted.ca, original.ca);
        assert_eq!(adopted.front_proxy_ca, original.front_proxy_ca);
        assert_eq!(adopted.etcd_ca, original.etcd_ca);
        assert_eq!(adopted.service_account, original.service_account);
        assert_eq!(adopted.discovery_hash(), original.discovery_hash());
        assert_ne!(adopted.cluster_id, original.cluster_id);
        assert_ne!(adopted.certificate_key, original.certificate_key);
        assert_ne!(adopted.nodes["cp-1"], original.nodes["cp-1"]);
    }

    #[test]
    fn an_authority_made_by_openssl_signs_and_survives_the_file() {
        let scratch = Scratch::new();
        scratch.write("ca.crt", format!("Certificate:\r\n    Data: …\r\n{}", CERTIFICATE.replace('\n', "\r\n")));
        scratch.write("ca.key", KEY);
        scratch.write("sa.key", bundle().service_account.key.expose());
        let existing = read_pki(&scratch.path(""), NOW).expect("sound");
        assert_eq!(existing.names(), ["ca", "sa"]);
        let adopted = adopt(existing, &request(), NOW).expect("its certificate signs the administrator's");
        assert_eq!(adopted.ca.certificate, CERTIFICATE);
        assert!(adopted.ca.key.expose().starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
        assert_eq!(adopted.service_account.public, bundle().service_account.public, "sa.pub is made where it is missing");
        let path = scratch.path("lab.secrets.yaml");
        save_new(&path, &adopted, &Seal::None).expect("a writable directory");
        assert_eq!(load(&path).expect("sound"), Some(adopted));
    }

    #[test]
    fn what_does_not_belong_together_is_named() {
        let other = fresh();
        for (file, text, said) in [
            ("ca.key", other.ca.key.expose(), "ca: the certificate and the key do not belong together"),
            ("front-proxy-ca.key", other.ca.key.expose(), "front-proxy-ca: the certificate and the key do not belong together"),
            ("etcd/ca.crt", &other.etcd_ca.certificate, "etcd/ca: the certificate and the key do not belong together"),
            ("sa.pub", &other.service_account.public, "sa: the public and the private key do not belong together"),
            ("etcd/ca.key", "hello", "etcd/ca.key: there is no PEM of the kind its name promises"),
            ("ca.crt", other.ca.key.expose(), "ca.crt: there is no PEM of the kind its name promises"),
        ] {
            let scratch = Scratch::new();
            pki(&scratch);
            scratch.write(file, text);
            assert!(refused(&scratch).ends_with(said), "{file}: {}", refused(&scratch));
        }
    }

    #[test]
    fn halves_leaves_and_the_ended_are_refused() {
        for (gone, said) in [
            ("ca.key", "ca: there is ca.crt without ca.key"),
            ("etcd/ca.crt", "etcd/ca: there is etcd/ca.key without etcd/ca.crt"),
            ("sa.key", "sa: there is sa.pub without sa.key"),
        ] {
            let scratch = Scratch::new();
            pki(&scratch);
            std::fs::remove_file(scratch.path(gone)).expect("own file");
            assert!(refused(&scratch).ends_with(said), "{}", refused(&scratch));
        }
        let scratch = Scratch::new();
        assert!(refused(&scratch).ends_with("there are no ca.crt and ca.key in it"));
        scratch.write("ca.crt", &bundle().admin.certificate);
        scratch.write("ca.key", bundle().admin.key.expose());
        assert!(refused(&scratch).ends_with(check::NO_AUTHORITY));
        pki(&scratch);
        let late = bundle().ca.until();
        let error = read_pki(&scratch.path(""), late).map(|_| ()).expect_err("it has ended");
        assert!(error.what.ends_with("its certificate ended on 2036-11-20"), "{error}");
    }

    #[test]
    fn an_authority_that_serves_twice_is_refused() {
        let scratch = Scratch::new();
        pki(&scratch);
        scratch.write("etcd/ca.crt", &bundle().ca.certificate);
        scratch.write("etcd/ca.key", bundle().ca.key.expose());
        let existing = read_pki(&scratch.path(""), NOW).expect("each pair is sound");
        let error = adopt(existing, &request(), NOW).map(|_| ()).expect_err("one key for two");
        assert!(error.what.contains("`etcd-ca`: it is the same key"), "{error}");
    }
}

//! Which bundle a verb works with, and what happens when it is not there or not complete.
//!
//! In: a profile and perhaps a path. Out: a bundle with an entry for every node that joins. Absent on purpose:
//! changing an entry, but for a certificate that names other addresses than the profile now does.

use std::path::{Path, PathBuf};

use clap::Args;
use time::OffsetDateTime;

use super::Talk;
use super::secrets::prompt;
use crate::error::Error;
use crate::kubernetes::{Release, first_release};
use crate::profile::spec::{ClusterSpec, Distribution, KeyAlgorithm};
use crate::secrets::{self, Bundle, Document, Existing, Keys, MintRequest, Seal, Stored};

#[derive(Args, Clone, Debug)]
pub struct BundleArgs {
    /// The secrets bundle [default: <profile>.secrets.yaml beside the profile]
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,

    #[command(flatten)]
    keys: KeyArgs,
}

/// What opens an encrypted bundle, for every verb that reads one.
#[derive(Args, Clone, Debug)]
pub struct KeyArgs {
    /// What opens an encrypted bundle: a file of age identities; a passphrase is asked for
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

impl KeyArgs {
    /// Returns what opens a bundle: the identity, or what a person types.
    pub fn keys(&self) -> Keys<'_> {
        Keys { identity: self.identity.as_deref(), passphrase: &prompt::passphrase }
    }
}

/// What may happen to the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing.
    Locked,
    /// Nodes may be added to what is in memory, and the file stays as it is.
    Rehearsed,
    /// It may be minted, and nodes may be added.
    MintIfAbsent,
}

impl BundleArgs {
    /// Returns where the bundle of a profile lies.
    ///
    /// # Errors
    /// When the profile has no place of its own.
    pub fn path(&self, profile: &Path) -> Result<PathBuf, Error> {
        match &self.secrets {
            Some(path) => Ok(path.clone()),
            None if profile.as_os_str() == "-" => {
                let what = "finding the secrets bundle: standard input has no place beside it";
                Err(Error::new(what).help("say `--secrets FILE`"))
            }
            None => Ok(profile.with_extension("secrets.yaml")),
        }
    }

    /// Returns the arguments as they were given, for a command that is to find the same bundle.
    pub fn words(&self) -> Vec<String> {
        let option = |name: &str, path: &Option<PathBuf>| {
            path.iter().flat_map(|path| [name.to_owned(), path.display().to_string()]).collect::<Vec<_>>()
        };
        [option("--secrets", &self.secrets), option("--identity", &self.keys.identity)].concat()
    }

    /// Returns what opens the bundle where it is encrypted.
    pub fn keys(&self) -> Keys<'_> {
        self.keys.keys()
    }
}

/// How a bundle comes by the key of a cluster that was encrypted without it.
const OWN_ENCRYPTION_KEY: &str =
    "write the cluster's own into it: `encryption-key: {name: …, secret: …}`, as in its API servers' EncryptionConfiguration";

/// Loads the bundle of a cluster, or mints it, or adds what it lacks.
///
/// # Errors
/// When the file is not to be trusted, is another cluster's, does not fit the release, or must not be touched.
pub fn obtain(args: &BundleArgs, profile: &Path, spec: &ClusterSpec, origin: Origin, talk: &Talk) -> Result<Bundle, Error> {
    let path = args.path(profile)?;
    let shown = path.display();
    let nodes = secrets::requests(spec);
    let Some(stored) = secrets::open(&path, &args.keys())? else {
        if spec.bootstrap.existing && origin == Origin::MintIfAbsent {
            let what = format!("minting {shown}: the cluster lives already, and trusts its own authorities alone");
            return Err(Error::new(what).help(
                "`kubespore secrets import DIR PROFILE` makes a bundle around those of a control plane's /etc/kubernetes/pki",
            ));
        }
        if origin != Origin::MintIfAbsent {
            return Err(absent(&path));
        }
        return create(&path, spec, Existing::default(), &Seal::None, talk);
    };
    fits(&path, &stored.contents, spec, talk)?;
    let (mut missing, outdated) = (secrets::missing(&stored.contents, &nodes), secrets::outdated(&stored.contents, &nodes));
    let keyless = spec.encryption.is_some() && stored.contents.encryption_key.is_none();
    if keyless && spec.bootstrap.existing {
        let what = format!("reading {shown}: it has no `encryption-key`, and the cluster lives already");
        return Err(Error::new(what).help(OWN_ENCRYPTION_KEY));
    }
    missing.extend(keyless.then(|| "the encryption key".to_owned()));
    if origin == Origin::Locked && !missing.is_empty() {
        return Err(Error::new(format!("reading {shown}: it has nothing for {}", missing.join(", ")))
            .help("`kubespore render` without `--locked` adds what is missing"));
    }
    if origin == Origin::Locked && !outdated.is_empty() {
        let what = format!("reading {shown}: the profile has other names or addresses than {}", outdated.join(", "));
        return Err(Error::new(what).help("`kubespore render` without `--locked` issues them anew"));
    }
    let mut bundle = stored.contents.clone();
    secrets::add_nodes(&mut bundle, &nodes, OffsetDateTime::now_utc())?;
    if keyless {
        secrets::add_encryption_key(&mut bundle)?;
    }
    if bundle == stored.contents || origin == Origin::Locked {
        return Ok(bundle);
    }
    let (added, issued, ranges) = if origin == Origin::Rehearsed {
        ("a render would add to", "a render would issue anew in", "a render would keep in")
    } else {
        secrets::save(&path, &stored, &bundle, &stored.seal)?;
        ("added to", "issued anew in", "kept in")
    };
    if !missing.is_empty() {
        talk.say(&format!("{added} {shown}: {}", missing.join(", ")));
    }
    if !outdated.is_empty() {
        talk.say(&format!("{issued} {shown}, because the profile has other names or addresses: {}", outdated.join(", ")));
        talk.say("  = help: give these machines their new seeds; the certificates they have stay valid until they end");
    }
    if keyless {
        talk.say("  where the cluster runs already, every API server needs the new configuration before a machine is wiped");
    }
    if missing.is_empty() && outdated.is_empty() {
        talk.say(&format!("{ranges} {shown}: which piece of the pod network each node has"));
    }
    Ok(bundle)
}

/// Loads the bundle of a cluster that must have one, whatever nodes it lacks; returns its place too.
///
/// # Errors
/// When there is none, or it is not this cluster's.
pub fn existing(args: &BundleArgs, profile: &Path, spec: &ClusterSpec, talk: &Talk) -> Result<(PathBuf, Stored<Bundle>), Error> {
    let path = args.path(profile)?;
    let stored = secrets::open(&path, &args.keys())?.ok_or_else(|| absent(&path))?;
    fits(&path, &stored.contents, spec, talk)?;
    Ok((path, stored))
}

/// Mints a bundle where none is, around what exists already, and says so.
///
/// # Errors
/// When git would take the file, one is there already, or the disk does not take it.
pub fn create(path: &Path, spec: &ClusterSpec, existing: Existing, seal: &Seal, talk: &Talk) -> Result<Bundle, Error> {
    if *seal == Seal::None {
        secrets::refuse_where_git_would_take_it(path, "minting")?;
    }
    let adopted = existing.names();
    let bundle = mint(path, spec, existing)?;
    secrets::save_new(path, &bundle, seal)?;
    announce(path, spec, &bundle, &adopted, talk);
    Ok(bundle)
}

/// Mints what was missing while a bundle awaited the certificates of its authorities, and says so.
///
/// # Errors
/// When the file has changed meanwhile, or the disk does not take it.
pub fn complete(
    path: &Path,
    spec: &ClusterSpec,
    stored: &Stored<Document>,
    signed: Existing,
    seal: &Seal,
    talk: &Talk,
) -> Result<(), Error> {
    let adopted = signed.names();
    let bundle = mint(path, spec, signed)?;
    secrets::save(path, stored, &bundle, seal)?;
    announce(path, spec, &bundle, &adopted, talk);
    Ok(())
}

fn mint(path: &Path, spec: &ClusterSpec, existing: Existing) -> Result<Bundle, Error> {
    let release = release(spec);
    let lacks = existing.lacks();
    if spec.bootstrap.existing && !lacks.is_empty() {
        let what = format!(
            "minting {}: the cluster lives already, and {} would be new to it",
            path.display(),
            lacks.iter().map(|(files, _)| *files).collect::<Vec<_>>().join(", ")
        );
        let why = lacks.iter().map(|(_, why)| *why).collect::<Vec<_>>().join("; ");
        return Err(Error::new(what).help(format!("put them beside the others in the directory for `secrets import`: {why}")));
    }
    let nodes = secrets::requests(spec);
    let request = MintRequest {
        cluster: spec.name.as_str(),
        nodes: &nodes,
        authorities: authority_algorithm(spec),
        service_account: service_account_algorithm(spec, release),
        admin_group: release.admin_group,
        found_within: spec.bootstrap.found_within,
        // A cluster that lives already encrypts with a key of its own.
        encrypts: spec.encryption.is_some() && !spec.bootstrap.existing,
    };
    let bundle = secrets::adopt(existing, &request, OffsetDateTime::now_utc())?;
    readable(path, &bundle, spec)?;
    Ok(bundle)
}

fn announce(path: &Path, spec: &ClusterSpec, bundle: &Bundle, adopted: &[&str], talk: &Talk) {
    talk.say(&format!("minted {}: these are the cluster's keys; keep the file secret, and keep a copy", path.display()));
    if !adopted.is_empty() {
        talk.say(&format!("  taken over, not minted: {}", adopted.join(", ")));
    }
    let term = if bundle.admin_until() < bundle.ca.until() { "one year" } else { "as long as its authority" };
    talk.say(&format!(
        "  the administrator's certificate lasts {term}, until {}; the authorities until {}",
        bundle.admin_until().date(),
        bundle.authorities_until().date()
    ));
    if !spec.bootstrap.existing {
        talk.say(&format!("  the first machine may found the cluster until {}", secrets::instant(bundle.found_until)));
    }
}

/// Why a release takes no authority below another, and from which on one does.
pub fn no_chains(release: &Release) -> String {
    let since = first_release(|release| release.ca_chain).map_or_else(String::new, |minor| format!("; kubeadm {minor} does"));
    format!("kubeadm {} follows no chain of authorities{since}", release.minor)
}

/// What is known of the profile's release.
pub fn release(spec: &ClusterSpec) -> &'static Release {
    spec.version.release().expect("the profile's check knows the release")
}

/// The key type of authorities and of the administrator: the user's choice, or the best that the release reads.
pub fn authority_algorithm(spec: &ClusterSpec) -> KeyAlgorithm {
    spec.pki.key_algorithm.unwrap_or(best(release(spec).ec_certificate_authority))
}

fn best(elliptic: bool) -> KeyAlgorithm {
    if elliptic { KeyAlgorithm::EcdsaP256 } else { KeyAlgorithm::Rsa2048 }
}

/// The user's choice, but for releases whose joining control planes read RSA alone.
fn service_account_algorithm(spec: &ClusterSpec, release: &Release) -> KeyAlgorithm {
    match best(release.ec_service_account_key) {
        KeyAlgorithm::Rsa2048 => KeyAlgorithm::Rsa2048,
        KeyAlgorithm::EcdsaP256 => spec.pki.key_algorithm.unwrap_or(KeyAlgorithm::EcdsaP256),
    }
}

/// Says that there is no bundle, and where one comes from.
pub fn absent(path: &Path) -> Error {
    Error::new(format!("reading {}: there is no such bundle", path.display()))
        .help("`kubespore render` without `--locked` mints it; where the cluster lives already, restore it from its backup")
}

/// Refuses a bundle that is another cluster's or that the release cannot read, and says when its administrator has no rights.
fn fits(path: &Path, bundle: &Bundle, spec: &ClusterSpec, talk: &Talk) -> Result<(), Error> {
    let shown = path.display();
    if bundle.cluster != spec.name.as_str() {
        let what = format!(
            "reading {shown}: it is the bundle of the cluster `{}`, and the profile's is `{}`",
            bundle.cluster, spec.name
        );
        return Err(Error::new(what).help("name this cluster's own with `--secrets FILE`"));
    }
    readable(path, bundle, spec)?;
    // `system:masters` may do everything in every release; its successor means nothing before it came.
    let known = [release(spec).admin_group, "system:masters"];
    let groups = bundle.admin_groups();
    if !groups.iter().any(|group| known.contains(&group.as_str())) {
        talk.say(&format!(
            "warning: the administrator's certificate in {shown} names groups without rights in Kubernetes {}",
            spec.version
        ));
        talk.say("  = help: `kubespore secrets rotate admin` issues a fitting one");
    }
    Ok(())
}

fn readable(path: &Path, bundle: &Bundle, spec: &ClusterSpec) -> Result<(), Error> {
    let release = release(spec);
    let authorities = [("ca", &bundle.ca), ("front-proxy-ca", &bundle.front_proxy_ca), ("etcd-ca", &bundle.etcd_ca)];
    if let Some((name, _)) = authorities.iter().find(|(_, pair)| pair.is_below_another())
        && !release.ca_chain
    {
        return Err(Error::new(format!("using {}: `{name}` is below another authority", path.display())).help(no_chains(release)));
    }
    if bundle.ca.is_below_another() && spec.pki.distribution == Distribution::CertificateKey {
        let what = format!("using {}: `ca` holds more than one certificate", path.display());
        // What is fetched is ca.crt as a whole, and the controller manager signs with a file of exactly one certificate.
        return Err(Error::new(what)
            .help("control planes that fetch their keys cannot sign with it: use `distribution: embedded` or `reduced`"));
    }
    let authorities = bundle.certificates().map(|(name, pair)| (name, pair.key_kind(), release.ec_certificate_authority));
    let account = ("service-account", bundle.service_account.key_kind(), release.ec_service_account_key);
    match authorities.into_iter().chain([account]).find(|(_, kind, elliptic)| kind.is_elliptic() && !elliptic) {
        None => Ok(()),
        Some((name, kind, _)) => {
            let what =
                format!("using {}: `{name}` is an {kind} key, and kubeadm {} reads RSA there", path.display(), release.minor);
            Err(Error::new(what).help(
                "the key of a living cluster cannot be changed here: use a newer Kubernetes, or begin anew with a new bundle",
            ))
        }
    }
}

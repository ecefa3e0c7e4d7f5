//! The bundle's file.
//!
//! In: a path. Out: a checked bundle, or a file that nobody else could ever read. Absent on purpose:
//! quoting a line of it in a message, since any line may be a secret.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use super::bundle::{Bundle, CertifiedKey, NodeSecrets, ServiceAccount, Token, instant};
use super::check;
use crate::error::{Doing, Error};
use crate::secret::Secret;
use crate::yaml::{self, Kind, Node, Yaml};

const API_VERSION: &str = "kubespore.secrets/v1";
const LARGEST: u64 = 16 << 20;
const HEAD: &str = "\
# Secrets of one cluster: its identity. Keep this file secret, and keep a copy: without it no machine can be added,
# and a newly minted one makes another cluster. kubespore only ever adds to it.
";
const RESTORE: &str = "restore the bundle from its backup; a newly minted one makes another cluster";

/// Reads a bundle; `None` when there is no such file.
///
/// # Errors
/// When the file is not a plain file of its owner alone, is no bundle, or is not of one piece.
pub fn load(path: &Path) -> Result<Option<Bundle>, Error> {
    let shown = path.display();
    let opened = OpenOptions::new().read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK)).open(path);
    let mut file = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(Error::new(format!("reading {shown}: it is a symbolic link")).help("name the file itself"));
        }
        opened => opened.doing(|| format!("reading {shown}"))?,
    };
    let found = file.metadata().doing(|| format!("reading {shown}"))?;
    if !found.is_file() {
        return Err(Error::new(format!("reading {shown}: it is not a plain file")));
    }
    if found.mode() & 0o077 != 0 {
        let what = format!("reading {shown}: others than its owner can read it (mode {:04o})", found.mode() & 0o7777);
        return Err(Error::new(what).help(format!("chmod 600 {shown}; if anybody may have read it, mint a new cluster")));
    }
    if found.len() > LARGEST {
        return Err(Error::new(format!("reading {shown}: {} bytes are more than any bundle has", found.len())));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).doing(|| format!("reading {shown}"))?;
    let bundle = decode(&text).map_err(|fault| Error::new(format!("reading {shown}: {fault}")).help(RESTORE))?;
    match check::faults(&bundle).as_slice() {
        [] => Ok(Some(bundle)),
        faults => Err(Error::new(format!("reading {shown}: {}", faults.join("; "))).help(RESTORE)),
    }
}

/// Writes a bundle where there is none.
///
/// # Errors
/// When the disk does not take it, or a file of that name has appeared meanwhile; it is never overwritten.
pub fn save_new(path: &Path, bundle: &Bundle) -> Result<(), Error> {
    write(path, bundle, RenameFlags::NOREPLACE)
}

/// Writes a bundle over the one that was loaded from there.
///
/// # Errors
/// When the disk does not take it; the old file then stands.
pub fn save(path: &Path, bundle: &Bundle) -> Result<(), Error> {
    write(path, bundle, RenameFlags::empty())
}

fn write(path: &Path, bundle: &Bundle, how: RenameFlags) -> Result<(), Error> {
    let shown = path.display();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| Error::new(format!("writing {shown}: that is no file name")))?;
    let text = Zeroizing::new(encode(bundle));
    let staging = Staging(parent.join(format!(".{}.new-{}", name.to_string_lossy(), std::process::id())));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(flags(OFlags::NOFOLLOW))
        .open(&staging.0)
        .doing(|| format!("writing {shown}"))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).doing(|| format!("writing {shown}"))?;
    renameat_with(CWD, &staging.0, CWD, path, how).doing(|| format!("putting {shown} in place"))?;
    File::open(parent).and_then(|dir| dir.sync_all()).doing(|| format!("flushing {}", parent.display()))
}

/// A temporary file that does not outlive a failure.
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        // Gone already when it has been put in place.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn flags(flags: OFlags) -> i32 {
    i32::try_from(flags.bits()).expect("the kernel's open flags fit an int")
}

fn encode(bundle: &Bundle) -> String {
    let text = |text: &str| Yaml::str(text);
    let pem = |text: &str| Yaml::Literal(text.to_owned());
    let pair = |pair: &CertifiedKey| Yaml::map([("certificate", pem(&pair.certificate)), ("key", pem(pair.key.expose()))]);
    let node = |node: &NodeSecrets| Yaml::map([("token", text(node.token.whole().expose()))]);
    let account = &bundle.service_account;
    let document = Yaml::map([
        ("apiVersion", text(API_VERSION)),
        ("cluster", text(&bundle.cluster)),
        ("cluster-id", text(&bundle.cluster_id)),
        ("generation", Yaml::Int(bundle.generation.into())),
        ("minted", text(&instant(bundle.minted))),
        ("found-until", text(&instant(bundle.found_until))),
        ("ca", pair(&bundle.ca)),
        ("front-proxy-ca", pair(&bundle.front_proxy_ca)),
        ("etcd-ca", pair(&bundle.etcd_ca)),
        ("service-account", Yaml::map([("public", pem(&account.public)), ("key", pem(account.key.expose()))])),
        ("certificate-key", text(bundle.certificate_key.expose())),
        ("admin", pair(&bundle.admin)),
        ("nodes", Yaml::Map(bundle.nodes.iter().map(|(name, secrets)| (name.clone(), node(secrets))).collect())),
    ]);
    format!("{HEAD}{}", yaml::to_string(&document))
}

fn decode(text: &str) -> Result<Bundle, String> {
    let document = yaml::parse(text).map_err(|(message, at)| format!("line {}: {message}", line(text, at.start)))?;
    let top = Fields::of(&document, text, "the bundle")?;
    let api = top.text("apiVersion")?;
    if api != API_VERSION {
        return Err(format!("its apiVersion is `{api}`, and this program knows `{API_VERSION}`"));
    }
    let pair = |name: &str| -> Result<CertifiedKey, String> {
        let fields = top.fields(name)?;
        let pair = CertifiedKey { certificate: fields.text("certificate")?, key: Secret::new(fields.text("key")?) };
        fields.only(&["certificate", "key"]).map(|()| pair)
    };
    let account = top.fields("service-account")?;
    account.only(&["public", "key"])?;
    let mut nodes = BTreeMap::new();
    for (name, node) in top.fields("nodes")?.entries()? {
        let fields = Fields::of(node, text, &format!("nodes.{name}"))?;
        fields.only(&["token"])?;
        let token = Zeroizing::new(fields.text("token")?);
        let (id, secret) = token.split_once('.').ok_or_else(|| format!("`nodes.{name}.token` has no `.`"))?;
        nodes.insert(name.to_owned(), NodeSecrets { token: Token { id: id.to_owned(), secret: Secret::new(secret) } });
    }
    top.only(&[
        "apiVersion",
        "cluster",
        "cluster-id",
        "generation",
        "minted",
        "found-until",
        "ca",
        "front-proxy-ca",
        "etcd-ca",
        "service-account",
        "certificate-key",
        "admin",
        "nodes",
    ])?;
    Ok(Bundle {
        cluster: top.text("cluster")?,
        cluster_id: top.text("cluster-id")?,
        generation: top.text("generation")?.parse().map_err(|_| "`generation` is not a number")?,
        minted: top.instant("minted")?,
        found_until: top.instant("found-until")?,
        ca: pair("ca")?,
        front_proxy_ca: pair("front-proxy-ca")?,
        etcd_ca: pair("etcd-ca")?,
        service_account: ServiceAccount { public: account.text("public")?, key: Secret::new(account.text("key")?) },
        certificate_key: Secret::new(top.text("certificate-key")?),
        admin: pair("admin")?,
        nodes,
    })
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// A mapping under strict reading; faults name the field and its line, never what stands there.
struct Fields<'n> {
    node: &'n Node,
    text: &'n str,
    name: String,
}

impl<'n> Fields<'n> {
    fn of(node: &'n Node, text: &'n str, name: &str) -> Result<Self, String> {
        match &node.kind {
            Kind::Map(_) => Ok(Self { node, text, name: name.to_owned() }),
            _ => Err(format!("line {}: {name} is not a mapping", line(text, node.span.start))),
        }
    }

    fn entries(&self) -> Result<Vec<(&'n str, &'n Node)>, String> {
        let Kind::Map(pairs) = &self.node.kind else { return Ok(Vec::new()) };
        let mut seen = BTreeMap::new();
        for pair in pairs {
            if seen.insert(pair.key.as_str(), &pair.value).is_some() {
                return Err(format!(
                    "line {}: `{}` stands twice in {}",
                    line(self.text, pair.key_span.start),
                    pair.key,
                    self.name
                ));
            }
        }
        Ok(seen.into_iter().collect())
    }

    fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.entries()?.iter().find(|(key, _)| !known.contains(key)) {
            None => Ok(()),
            Some((key, _)) => Err(format!("`{key}` is not known in {}; a newer kubespore may have written it", self.name)),
        }
    }

    fn get(&self, key: &str) -> Result<&'n Node, String> {
        self.node.get(key).ok_or_else(|| format!("`{key}` is missing in {}", self.name))
    }

    fn fields(&self, key: &str) -> Result<Self, String> {
        Self::of(self.get(key)?, self.text, key)
    }

    fn text(&self, key: &str) -> Result<String, String> {
        match &self.get(key)?.kind {
            Kind::Scalar(scalar) if !scalar.value.is_null() => Ok(scalar.text.clone()),
            _ => Err(format!("`{key}` is not a text in {}", self.name)),
        }
    }

    fn instant(&self, key: &str) -> Result<OffsetDateTime, String> {
        OffsetDateTime::parse(&self.text(key)?, &Rfc3339)
            .map_err(|_| format!("`{key}` is not an instant such as 2026-01-31T12:00:00Z"))
    }
}

//! `kubespore secrets encrypt` and `decrypt`: a bundle under age, in its own place.
//!
//! In: a bundle, and for whom. Out: the same bundle, closed or open. Absent on purpose: a second file; the old one stands
//! until the new one is whole, and then is gone.

use std::path::PathBuf;

use clap::Args;

use super::prompt;
use crate::cli::bundle::{BundleArgs, absent};
use crate::cli::{Failure, Talk};
use crate::error::Error;
use crate::profile::spec::ClusterSpec;
use crate::secrets::{self, Document, Keys, Recipient, Seal, Stored};

/// For whom a bundle is encrypted.
#[derive(Args, Clone, Debug)]
pub struct RecipientArgs {
    /// Encrypt to this public key of age (`age1…`); may be given more than once
    #[arg(long, value_name = "KEY")]
    // Read later than the other arguments: who mistakes an identity for a recipient shall not find it repeated.
    recipient: Vec<String>,

    /// Encrypt to every public key in this file, one a line
    #[arg(long, value_name = "FILE")]
    recipients_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct EncryptArgs {
    #[command(flatten)]
    file: FileArgs,

    #[command(flatten)]
    recipients: RecipientArgs,
}

#[derive(Args, Debug)]
pub struct FileArgs {
    /// The bundle, or the profile it lies beside
    file: PathBuf,

    #[command(flatten)]
    bundle: BundleArgs,
}

impl RecipientArgs {
    /// Returns whom the arguments name, each once.
    ///
    /// # Errors
    /// When one is no recipient, or the file cannot be read.
    pub fn named(&self) -> Result<Vec<Recipient>, Error> {
        let mut named: Vec<Recipient> = Vec::new();
        for text in &self.recipient {
            let recipient = text.parse().map_err(|fault: String| Error::new(format!("reading `--recipient`: {fault}")))?;
            named.push(recipient);
        }
        if let Some(path) = &self.recipients_file {
            let listed = secrets::recipients(path)?;
            if listed.is_empty() {
                return Err(Error::new(format!("reading {}: there is no recipient in it", path.display())));
            }
            named.extend(listed);
        }
        let mut once: Vec<Recipient> = Vec::new();
        for recipient in named {
            if !once.contains(&recipient) {
                once.push(recipient);
            }
        }
        Ok(once)
    }
}

impl FileArgs {
    /// Returns where the bundle lies.
    ///
    /// # Errors
    /// When a profile is named that has no place of its own.
    pub fn path(&self) -> Result<PathBuf, Error> {
        if secrets::is_bundle(&self.file) { Ok(self.file.clone()) } else { self.bundle.path(&self.file) }
    }

    /// Returns the profile's spec, where a profile was named and is sound.
    pub fn spec(&self) -> Option<ClusterSpec> {
        if secrets::is_bundle(&self.file) { None } else { crate::cli::profile::sound(&self.file) }
    }

    /// Returns what opens the bundle where it is encrypted.
    pub fn keys(&self) -> Keys<'_> {
        self.bundle.keys()
    }

    /// Reads the bundle in whatever state it is; returns its place too.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read(&self) -> Result<(PathBuf, Stored<Document>), Error> {
        let path = self.path()?;
        let stored = secrets::read(&path, &self.keys())?.ok_or_else(|| absent(&path))?;
        Ok((path, stored))
    }
}

pub fn encrypt(args: &EncryptArgs, talk: &Talk) -> Result<(), Failure> {
    let recipients = args.recipients.named()?;
    let (path, stored) = args.file.read()?;
    let (seal, whom) = if recipients.is_empty() {
        (Seal::Passphrase(prompt::new_passphrase(&path)?), "with a passphrase".to_owned())
    } else {
        let whom = format!("to {}", list(&recipients));
        (Seal::Recipients(recipients), whom)
    };
    secrets::save(&path, &stored, &stored.contents, &seal)?;
    talk.say(&format!("encrypted {} {whom}", path.display()));
    talk.say("  what opens it is now worth as much as the cluster: keep a copy of it, apart from the bundle");
    if stored.seal == Seal::None {
        talk.say("  the plain text is gone from the directory, though not from backups, snapshots and the blocks of the disk");
    }
    Ok(())
}

pub fn decrypt(args: &FileArgs, talk: &Talk) -> Result<(), Failure> {
    let (path, stored) = args.read()?;
    if stored.seal == Seal::None {
        return Err(Error::new(format!("decrypting {}: it is not encrypted", path.display())).into());
    }
    secrets::refuse_where_git_would_take_it(&path, "decrypting")?;
    secrets::save(&path, &stored, &stored.contents, &Seal::None)?;
    talk.say(&format!("decrypted {}: whoever reads it holds the cluster's keys", path.display()));
    Ok(())
}

fn list(recipients: &[Recipient]) -> String {
    recipients.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

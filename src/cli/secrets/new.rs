//! `kubespore secrets new`: a bundle, or the keys of one and requests for the certificates of its authorities.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use time::OffsetDateTime;

use super::encrypt::RecipientArgs;
use super::{ClusterArgs, taken};
use crate::cli::profile::{Loaded, load};
use crate::cli::{Failure, Talk, bundle};
use crate::error::{Doing, Error};
use crate::profile::spec::ClusterSpec;
use crate::secrets::{self, Awaiting, Document, Existing, Seal, Stored};

#[derive(Args, Debug)]
pub struct NewArgs {
    #[command(flatten)]
    cluster: ClusterArgs,

    #[command(flatten)]
    recipients: RecipientArgs,

    /// Certify no authority here: write a request (PKCS#10) for each of the three into this directory
    #[arg(long, value_name = "DIR")]
    csr: Option<PathBuf>,
}

pub fn run(args: &NewArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.cluster.profile, talk)?;
    let recipients = args.recipients.named()?;
    let seal = if recipients.is_empty() { Seal::None } else { Seal::Recipients(recipients) };
    match &args.csr {
        None => {
            let path = args.cluster.vacant()?;
            bundle::create(&path, &spec, Existing::default(), &seal, talk)?;
        }
        Some(directory) => requests(args, directory, &spec, &seal, talk)?,
    }
    Ok(())
}

/// Makes the keys, unless they have been made and still wait, and writes the requests for them.
fn requests(args: &NewArgs, directory: &Path, spec: &ClusterSpec, seal: &Seal, talk: &Talk) -> Result<(), Error> {
    let release = bundle::release(spec);
    if !release.ca_chain {
        return Err(
            Error::new(format!("requesting certificates for the authorities of {}", spec.name)).help(bundle::no_chains(release))
        );
    }
    let path = args.cluster.bundle.path(&args.cluster.profile.profile)?;
    let awaiting = match secrets::read(&path, &args.cluster.bundle.keys())? {
        None => {
            if *seal == Seal::None {
                secrets::refuse_where_git_would_take_it(&path, "minting")?;
            }
            let made = Awaiting::new(spec.name.as_str(), bundle::authority_algorithm(spec), OffsetDateTime::now_utc())?;
            secrets::save_new(&path, &made, seal)?;
            talk.say(&format!("minted the keys in {}; keep the file secret, and keep a copy", path.display()));
            made
        }
        Some(Stored { contents: Document::Awaiting(known), .. }) if known.cluster == spec.name.as_str() => known,
        Some(_) => return Err(taken(&path)),
    };
    std::fs::create_dir_all(directory).doing(|| format!("making {}", directory.display()))?;
    let mut written = Vec::new();
    for (name, request) in awaiting.requests()? {
        let file = directory.join(&name);
        // Through a link or over somebody's file nothing is written; a request of an earlier run makes way.
        let _ = std::fs::remove_file(&file);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&file);
        made.and_then(|mut made| made.write_all(request.as_bytes())).doing(|| format!("writing {}", file.display()))?;
        written.push(name);
    }
    talk.say(&format!("wrote {} to {}", written.join(", "), directory.display()));
    talk.say("  have each signed as an authority (CA:TRUE, keyCertSign), and put beside it `<name>.crt`: it, its issuers, the root last");
    talk.say(&format!("  then: kubespore secrets import {} {}", directory.display(), args.cluster.profile.profile.display()));
    Ok(())
}

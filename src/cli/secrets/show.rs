//! `kubespore secrets show`: what a bundle is, without what it keeps.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::encrypt::FileArgs;
use crate::cli::bundle::absent;
use crate::cli::{Failure, Talk};
use crate::secrets::{self, Bundle, Seal, instant};

#[derive(Args, Debug)]
pub struct ShowArgs {
    #[command(flatten)]
    file: FileArgs,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// For programs
    Json,
}

/// What may be shown; the keys of its JSON are part of the contract with other programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'b> {
    cluster: &'b str,
    id: &'b str,
    generation: u32,
    minted: String,
    found_until: String,
    encryption: Encryption,
    discovery_hash: String,
    certificates: BTreeMap<&'static str, Certificate>,
    service_account: Key,
    /// Its name; without one API servers store in plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_key: Option<&'b str>,
    nodes: BTreeMap<&'b str, Node<'b>>,
}

/// How the file is closed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum Encryption {
    None,
    Recipients { recipients: Vec<String> },
    Passphrase,
}

#[derive(Serialize)]
struct Certificate {
    key: String,
    until: String,
}

#[derive(Serialize)]
struct Key {
    key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'b> {
    token_id: &'b str,
}

pub fn run(args: &ShowArgs, talk: &Talk) -> Result<(), Failure> {
    let path = args.file.path()?;
    let stored = secrets::open(&path, &args.file.keys())?.ok_or_else(|| absent(&path))?;
    let shown = Shown::of(&stored.contents, &stored.seal);
    let text = match args.output {
        Form::Json => serde_json::to_string_pretty(&shown).expect("strings and numbers always serialise") + "\n",
        Form::Text => list(&shown),
    };
    talk.data(text.as_bytes())
}

impl<'b> Shown<'b> {
    fn of(bundle: &'b Bundle, seal: &Seal) -> Self {
        let certificates = bundle
            .certificates()
            .map(|(name, pair)| (name, Certificate { key: pair.key_kind().to_string(), until: instant(pair.until()) }));
        Self {
            cluster: &bundle.cluster,
            id: &bundle.cluster_id,
            generation: bundle.generation,
            minted: instant(bundle.minted),
            found_until: instant(bundle.found_until),
            encryption: match seal {
                Seal::None => Encryption::None,
                Seal::Recipients(list) => Encryption::Recipients { recipients: list.iter().map(ToString::to_string).collect() },
                Seal::Passphrase(_) => Encryption::Passphrase,
            },
            discovery_hash: bundle.discovery_hash(),
            certificates: certificates.into(),
            service_account: Key { key: bundle.service_account.key_kind().to_string() },
            encryption_key: bundle.encryption_key.as_ref().map(|key| key.name.as_str()),
            nodes: bundle.nodes.iter().map(|(name, node)| (name.as_str(), Node { token_id: &node.token.id })).collect(),
        }
    }
}

fn list(shown: &Shown<'_>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| writeln!(out, "{name:<18}{value}").expect("writing to a string cannot fail");
    line("cluster", shown.cluster);
    line("id", shown.id);
    line("generation", &shown.generation.to_string());
    line("minted", &shown.minted);
    line("found until", &shown.found_until);
    match &shown.encryption {
        Encryption::None => line("encrypted", "no"),
        Encryption::Passphrase => line("encrypted", "with a passphrase"),
        Encryption::Recipients { recipients } if recipients.is_empty() => line("encrypted", "to recipients it does not name"),
        Encryption::Recipients { recipients } => recipients.iter().for_each(|recipient| line("encrypted to", recipient)),
    }
    line("discovery hash", &shown.discovery_hash);
    for (name, certificate) in &shown.certificates {
        line(name, &format!("{}, until {}", certificate.key, certificate.until));
    }
    line("service account", &shown.service_account.key);
    if let Some(name) = shown.encryption_key {
        line("encryption key", name);
    }
    for (name, node) in &shown.nodes {
        line(&format!("token {}.…", node.token_id), name);
    }
    out
}

//! `kubespore secrets show`: what a bundle is, without what it keeps.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cli::bundle::BundleArgs;
use crate::cli::{Failure, Talk};
use crate::error::Error;
use crate::secrets::{self, Bundle, instant};

#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The bundle, or the profile it lies beside
    file: PathBuf,

    #[command(flatten)]
    bundle: BundleArgs,

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
    discovery_hash: String,
    certificates: BTreeMap<&'static str, Certificate>,
    service_account: Key,
    nodes: BTreeMap<&'b str, Node<'b>>,
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
    let path = if secrets::is_bundle(&args.file) { args.file.clone() } else { args.bundle.path(&args.file)? };
    let bundle = secrets::load(&path)?.ok_or_else(|| {
        Error::new(format!("reading {}: there is no such bundle", path.display()))
            .help("name a bundle or a profile; `kubespore render` mints the bundle of a new cluster")
    })?;
    let shown = Shown::of(&bundle);
    let text = match args.output {
        Form::Json => serde_json::to_string_pretty(&shown).expect("strings and numbers always serialise") + "\n",
        Form::Text => list(&shown),
    };
    talk.data(text.as_bytes())
}

impl<'b> Shown<'b> {
    fn of(bundle: &'b Bundle) -> Self {
        let certificates = bundle
            .certificates()
            .map(|(name, pair)| (name, Certificate { key: pair.key_kind().to_string(), until: instant(pair.until()) }));
        Self {
            cluster: &bundle.cluster,
            id: &bundle.cluster_id,
            generation: bundle.generation,
            minted: instant(bundle.minted),
            found_until: instant(bundle.found_until),
            discovery_hash: bundle.discovery_hash(),
            certificates: certificates.into(),
            service_account: Key { key: bundle.service_account.key_kind().to_string() },
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
    line("discovery hash", &shown.discovery_hash);
    for (name, certificate) in &shown.certificates {
        line(name, &format!("{}, until {}", certificate.key, certificate.until));
    }
    line("service account", &shown.service_account.key);
    for (name, node) in &shown.nodes {
        line(&format!("token {}.…", node.token_id), name);
    }
    out
}

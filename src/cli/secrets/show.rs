//! `kubespore secrets show`: what a bundle is, without what it keeps.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::encrypt::FileArgs;
use crate::cli::{Failure, Talk};
use crate::profile::spec::ClusterSpec;
use crate::secrets::{Bundle, Document, NodeSecrets, Seal, instant};

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
    /// While the cluster's authority is being replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_rotation: Option<Rotation>,
    nodes: BTreeMap<&'b str, Node<'b>>,
}

/// What may be shown of a bundle that awaits the certificates of its authorities.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting<'b> {
    cluster: &'b str,
    state: &'static str,
    requested: String,
    encryption: Encryption,
    /// The authorities whose requests are out.
    awaited: Vec<&'static str>,
}

/// How the file is closed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum Encryption {
    None,
    Recipients { recipients: Vec<String> },
    Passphrase,
}

/// Where the change of the cluster's authority stands.
#[derive(Serialize)]
struct Rotation {
    /// From 1 to 3.
    round: u8,
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
    /// Of a node that joins with a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<&'b str>,
    /// When the token was made, where that was after the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_since: Option<String>,
    /// When the certificates issued beforehand end, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    certificates: BTreeMap<&'static str, String>,
}

pub fn run(args: &ShowArgs, talk: &Talk) -> Result<(), Failure> {
    let (_, stored) = args.file.read()?;
    let json = args.output == Form::Json;
    let text = match &stored.contents {
        Document::Whole(bundle) => {
            let shown = Shown::of(bundle, &stored.seal, args.file.spec().as_ref());
            if json { pretty(&shown) } else { list(&shown) }
        }
        Document::Awaiting(awaiting) => {
            let shown = Waiting {
                cluster: &awaiting.cluster,
                state: "awaiting",
                requested: instant(awaiting.requested),
                encryption: Encryption::of(&stored.seal),
                awaited: awaiting.keys().map(|(name, _)| name).into(),
            };
            if json { pretty(&shown) } else { list_waiting(&shown) }
        }
    };
    talk.data(text.as_bytes())
}

fn pretty(shown: &impl Serialize) -> String {
    serde_json::to_string_pretty(shown).expect("strings and numbers always serialise") + "\n"
}

impl Encryption {
    fn of(seal: &Seal) -> Self {
        match seal {
            Seal::None => Self::None,
            Seal::Recipients(list) => Self::Recipients { recipients: list.iter().map(ToString::to_string).collect() },
            Seal::Passphrase(_) => Self::Passphrase,
        }
    }

    fn lines(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::None => vec![("encrypted", "no")],
            Self::Passphrase => vec![("encrypted", "with a passphrase")],
            Self::Recipients { recipients } if recipients.is_empty() => vec![("encrypted", "to recipients it does not name")],
            Self::Recipients { recipients } => recipients.iter().map(|recipient| ("encrypted to", recipient.as_str())).collect(),
        }
    }
}

impl<'b> Node<'b> {
    /// Without the profile, its certificates tell whether it joins with a token.
    fn of(name: &str, known: &'b NodeSecrets, spec: Option<&ClusterSpec>) -> Self {
        let in_profile = spec.and_then(|spec| {
            let node = spec.nodes.iter().find(|node| node.name.as_str() == name)?;
            Some(spec.joins_by_token(node.role))
        });
        let by_token = in_profile.unwrap_or_else(|| known.may_join_by_token());
        Self {
            token_id: by_token.then_some(known.token.id.as_str()),
            token_since: known.token_since.filter(|_| by_token).map(instant),
            certificates: known.leaves.iter().map(|(leaf, issued)| (leaf.as_str(), instant(issued.until()))).collect(),
        }
    }
}

impl<'b> Shown<'b> {
    fn of(bundle: &'b Bundle, seal: &Seal, spec: Option<&ClusterSpec>) -> Self {
        let certificates = bundle
            .certificates()
            .map(|(name, pair)| (name, Certificate { key: pair.key_kind().to_string(), until: instant(pair.until()) }));
        Self {
            cluster: &bundle.cluster,
            id: &bundle.cluster_id,
            generation: bundle.generation,
            minted: instant(bundle.minted),
            found_until: instant(bundle.found_until),
            encryption: Encryption::of(seal),
            discovery_hash: bundle.discovery_hash(),
            certificates: certificates.into(),
            service_account: Key { key: bundle.service_account.key_kind().to_string() },
            encryption_key: bundle.encryption_key.as_ref().map(|key| key.name.as_str()),
            ca_rotation: bundle.ca_rotation.as_ref().map(|rotation| Rotation { round: rotation.round() }),
            nodes: bundle.nodes.iter().map(|(name, known)| (name.as_str(), Node::of(name, known, spec))).collect(),
        }
    }
}

fn lines(pairs: &[(String, String)]) -> String {
    pairs.iter().fold(String::new(), |mut out, (name, value)| {
        writeln!(out, "{name:<25} {value}").expect("writing to a string cannot fail");
        out
    })
}

fn list_waiting(shown: &Waiting<'_>) -> String {
    let mut all = vec![("cluster".to_owned(), shown.cluster.to_owned()), ("requested".to_owned(), shown.requested.clone())];
    all.extend(shown.encryption.lines().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    all.extend(shown.awaited.iter().map(|name| ((*name).to_owned(), "awaits its certificate".to_owned())));
    lines(&all) + "`kubespore secrets import DIR PROFILE` takes the certificates, signed\n"
}

fn list(shown: &Shown<'_>) -> String {
    let mut all = Vec::new();
    let mut line = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
    line("cluster", shown.cluster);
    line("id", shown.id);
    line("generation", &shown.generation.to_string());
    line("minted", &shown.minted);
    line("found until", &shown.found_until);
    shown.encryption.lines().into_iter().for_each(|(name, value)| line(name, value));
    line("discovery hash", &shown.discovery_hash);
    for (name, certificate) in &shown.certificates {
        line(name, &format!("{}, until {}", certificate.key, certificate.until));
    }
    line("service account", &shown.service_account.key);
    if let Some(name) = shown.encryption_key {
        line("encryption key", name);
    }
    if let Some(Rotation { round }) = shown.ca_rotation {
        line("authority's change", &format!("round {round} of 3"));
    }
    for (name, node) in &shown.nodes {
        if let Some(id) = node.token_id {
            let since = node.token_since.as_ref().map_or_else(String::new, |since| format!(", made {since}"));
            line(&format!("token {id}.…"), &format!("{name}{since}"));
        }
    }
    // Those that end together stand together.
    let mut certificates: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (name, node) in &shown.nodes {
        for (kind, until) in &node.certificates {
            certificates.entry((kind, until.as_str())).or_default().push(name);
        }
    }
    for ((kind, until), nodes) in certificates {
        line(kind, &format!("until {until}: {}", nodes.join(", ")));
    }
    lines(&all)
}

//! `kubespore verify`: whether a rendered directory is whole, still works, and leaks nothing.
//!
//! In: a directory, perhaps its bundle, perhaps another day than today. Out: what ends when, and what is
//! wrong. Absent on purpose: the profile; a directory must speak for itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

use super::bundle::KeyArgs;
use super::{Failure, Talk, held, opened};
use crate::error::Error;
use crate::handover::{Lifetime, Manifest, digest};
use crate::out::{self, MANIFEST};
use crate::tree::Tree;
use crate::{exposure, image, secrets};

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The rendered directory
    directory: PathBuf,

    /// Search every artefact for the secrets of this bundle too: each where it belongs, and nowhere else
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,

    #[command(flatten)]
    keys: KeyArgs,

    /// The day to answer for: a date or an RFC 3339 instant [default: now]
    #[arg(long, value_name = "DATE", value_parser = instant)]
    at: Option<OffsetDateTime>,

    /// How to print the answer
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

/// What is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'m> {
    cluster: &'m str,
    at: String,
    lifetimes: Vec<Told<'m>>,
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Told<'m> {
    #[serde(flatten)]
    lifetime: &'m Lifetime,
    ended: bool,
}

fn instant(text: &str) -> Result<OffsetDateTime, String> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]"));
    day.map(|day| day.with_time(Time::MIDNIGHT).assume_utc())
        .or_else(|_| OffsetDateTime::parse(text, &Rfc3339))
        .map_err(|_| "write a date as 2027-01-31 or an instant as 2027-01-31T12:00:00Z".to_owned())
}

pub fn run(args: &VerifyArgs, talk: &Talk) -> Result<(), Failure> {
    let shown = args.directory.display();
    let tree = out::read(&args.directory)?;
    let manifest = tree.get(MANIFEST).and_then(|bytes| serde_json::from_slice::<Manifest>(bytes).ok()).ok_or_else(|| {
        Error::new(format!("verifying {shown}: it has no manifest")).help("name a directory that `kubespore render` wrote")
    })?;
    let at = args.at.unwrap_or_else(OffsetDateTime::now_utc).replace_nanosecond(0).expect("zero is a nanosecond");
    let mut faults = differences(&manifest, &tree);
    faults.extend(other_seeds(&manifest, &tree));
    faults.extend(out::open_to_others(&args.directory)?);
    if let Some(path) = &args.secrets {
        faults.extend(exposures(path, &args.keys.keys(), &manifest, &tree)?);
    }
    let lifetimes: Vec<_> = manifest.lifetimes.iter().map(|lifetime| Told { lifetime, ended: lifetime.ended(at) }).collect();
    let over = lifetimes.iter().filter(|told| told.ended && told.lifetime.needed);
    faults.extend(over.map(|told| format!("{}: worked {}", told.lifetime.title(), told.lifetime.words())));
    let answer = Answer { cluster: &manifest.cluster.name, at: secrets::instant(at), lifetimes, faults };
    let text = match args.output {
        Form::Text => text(&answer),
        Form::Json => serde_json::to_string_pretty(&answer).expect("strings and truth values always serialise") + "\n",
    };
    talk.data(text.as_bytes())?;
    if answer.faults.is_empty() { Ok(()) } else { Err(Failure::Refused) }
}

/// What the manifest and the files say differently.
fn differences(manifest: &Manifest, tree: &Tree) -> Vec<String> {
    let of_nodes = manifest
        .nodes
        .iter()
        .flat_map(|(name, node)| node.files.iter().map(move |(file, meant)| (format!("nodes/{name}/{file}"), meant)));
    let at_the_top = manifest.files.iter().map(|(file, meant)| (file.clone(), meant));
    let meant: BTreeMap<_, _> = at_the_top.chain(of_nodes).collect();
    let mut faults = Vec::new();
    for (path, meant) in &meant {
        match tree.get(path) {
            None => faults.push(format!("{path}: it is missing")),
            Some(bytes) if digest(bytes) != meant.sha256 => faults.push(format!("{path}: it is not what was rendered")),
            Some(_) => {}
        }
    }
    let stray = tree.iter().filter(|(path, _)| path.as_str() != MANIFEST && !meant.contains_key(path.as_str()));
    faults.extend(stray.map(|(path, _)| format!("{path}: the manifest does not know it")));
    faults
}

/// Images whose documents are not those beside them: a machine would become another than this directory says.
fn other_seeds(manifest: &Manifest, tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, node) in &manifest.nodes {
        let beside = |file: &str| tree.get(&format!("nodes/{name}/{file}"));
        let main = ["user-data", "config.ign"].iter().find_map(|file| beside(file));
        for (file, bytes) in node.files.keys().filter_map(|file| Some((file, beside(file)?))) {
            if !image::recognises(bytes) {
                continue;
            }
            let path = format!("nodes/{name}/{file}");
            let documents = match image::read(bytes).map_err(|error| error.what).and_then(opened::documents) {
                Ok(documents) => documents,
                Err(fault) => {
                    faults.push(format!("{path}: {fault}"));
                    continue;
                }
            };
            let mains: Vec<_> = documents.iter().filter(|(document, _)| opened::is_main(document)).collect();
            if mains.is_empty() {
                faults.push(format!("{path}: there is no seed in it"));
            }
            let others = mains.iter().filter(|(_, content)| main != Some(content.as_slice()));
            faults.extend(others.map(|(document, _)| format!("{path}: its {document} is not the document beside it")));
        }
    }
    faults
}

fn exposures(path: &std::path::Path, keys: &secrets::Keys<'_>, manifest: &Manifest, tree: &Tree) -> Result<Vec<String>, Error> {
    let shown = path.display();
    let bundle =
        secrets::open(path, keys)?.ok_or_else(|| Error::new(format!("reading {shown}: there is no such bundle")))?.contents;
    if bundle.cluster_id != manifest.cluster.id {
        return Err(Error::new(format!("reading {shown}: it is another cluster's bundle"))
            .help("name the one this directory was rendered from"));
    }
    Ok(held::differences(manifest, &exposure::held(&bundle, tree)))
}

fn text(answer: &Answer<'_>) -> String {
    let mut out = format!("{}, as of {}\n", answer.cluster, answer.at);
    let width = answer.lifetimes.iter().map(|told| told.lifetime.name.chars().count()).max().unwrap_or(0);
    for Told { lifetime, ended } in &answer.lifetimes {
        let verdict = if *ended { "ended: " } else { "" };
        let holders = &lifetime.title()[lifetime.name.len()..];
        out.push_str(&format!("  {:width$}  {verdict}{}{holders}\n", lifetime.name, lifetime.words()));
    }
    for fault in &answer.faults {
        out.push_str(&format!("fault: {fault}\n"));
    }
    out
}

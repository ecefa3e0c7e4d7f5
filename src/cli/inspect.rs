//! `kubespore inspect`: look inside what was made.
//!
//! In: a seed or one of its documents. Out: what it writes and runs, secrets blanked out, and what a first-boot program would not
//! take. Absent on purpose: which secrets
//! it carries (`held`).

use std::fmt::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::bundle::KeyArgs;
use super::{Failure, Talk, held, opened};
use crate::error::{Doing, Error};
use crate::gzip;
use crate::handover::MachineFile;
use crate::image;
use crate::redact::redact;
use crate::seed::cloud_init::{self, Decoded};
use crate::seed::ignition;

/// No seed comes near this; a larger file is something else.
const LARGEST: u64 = 64 << 20;
const MOST: usize = 64 << 20;

#[derive(Args, Debug)]
pub struct InspectArgs {
    /// user-data, meta-data, vendor-data, network-config, in whatever form a platform takes, or an image that holds them;
    /// with `--secrets` a directory too
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Search for the secrets of this bundle instead, and say who holds which
    #[arg(long, value_name = "BUNDLE", conflicts_with = "show")]
    secrets: Option<PathBuf>,

    #[command(flatten)]
    keys: KeyArgs,

    /// Print one file of the seed, or one file that its user-data writes, with secrets blanked out
    #[arg(long, value_name = "PATH")]
    show: Option<String>,

    /// How to print the list
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

/// What was found in a file.
#[derive(Serialize)]
struct Found {
    /// Volume label, when it is an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// The documents it holds.
    documents: Vec<Document>,
    /// What is wrong with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Document {
    name: String,
    size: usize,
    sha256: String,
    /// What a user-data document does.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<Shown>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    files: Vec<crate::host::File>,
}

#[derive(Serialize)]
struct Shown {
    hostname: String,
    files: Vec<ShownFile>,
    commands: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct ShownFile {
    path: String,
    #[serde(flatten)]
    file: MachineFile,
}

pub fn run(args: &InspectArgs, talk: &Talk) -> Result<(), Failure> {
    if let Some(bundle) = &args.secrets {
        return held::run(&args.file, bundle, &args.keys, args.output == Form::Json, talk);
    }
    let found = find(&args.file)?;
    let text = match (&args.show, args.output) {
        (Some(path), _) => show(&found, path)?,
        (None, Form::Json) => serde_json::to_string_pretty(&found).expect("strings and numbers always serialise") + "\n",
        (None, Form::Text) => list(&found),
    };
    talk.data(text.as_bytes())?;
    for fault in &found.faults {
        talk.say(&format!("error: {}: {fault}", args.file.display()));
    }
    if found.faults.is_empty() { Ok(()) } else { Err(Failure::Refused) }
}

fn find(path: &Path) -> Result<Found, Error> {
    let shown = path.display();
    let size = std::fs::metadata(path).doing(|| format!("reading {shown}"))?;
    if !size.is_file() {
        return Err(Error::new(format!("reading {shown}: it is not a file"))
            .help("name a seed image or one of its documents; a directory can be searched with `--secrets BUNDLE`"));
    }
    if size.len() > LARGEST {
        return Err(Error::new(format!("reading {shown}: {} bytes are more than any seed has", size.len())));
    }
    let packed = without_base64(std::fs::read(path).doing(|| format!("reading {shown}"))?);
    let compressed = gzip::is_compressed(&packed);
    let doing = || format!("reading {shown}");
    // More archives may follow the one that is compressed.
    let archives = compressed && gzip::first_member(&packed, MOST).is_ok_and(|(first, _)| image::cpio::recognises(&first));
    if archives {
        let image = image::cpio::read(&packed).doing(doing)?;
        return found(Some(image.label.clone()), opened::documents(image).doing(doing)?, path);
    }
    let bytes = if compressed { gzip::decompress(&packed, MOST).doing(doing)? } else { packed.clone() };
    if std::str::from_utf8(&bytes).is_ok() && !image::recognises(&bytes) {
        let name = path.file_name().map_or_else(|| shown.to_string(), |name| name.to_string_lossy().into_owned());
        return found(None, vec![(name, bytes.clone())], path);
    }
    let image = image::read(&bytes).doing(doing)?;
    let label = Some(image.label.clone());
    found(label, opened::documents(image).doing(doing)?, path)
}

fn found(label: Option<String>, files: Vec<(String, Vec<u8>)>, path: &Path) -> Result<Found, Error> {
    let texts: Vec<_> = files.iter().map(|(name, bytes)| (name, bytes, String::from_utf8_lossy(bytes))).collect();
    let (mut documents, mut faults) = (Vec::new(), Vec::new());
    for (name, bytes, text) in texts {
        let judged = label.is_none() || opened::is_read(name);
        let fault = if judged { opened::fault(name, &text) } else { None };
        documents.push(document(name.clone(), bytes, &text, fault.is_none(), path)?);
        faults.extend(fault);
    }
    Ok(Found { label, documents, faults })
}

/// Takes off the base64 that a platform's field is wrapped in.
fn without_base64(bytes: Vec<u8>) -> Vec<u8> {
    // Other words of letters alone are base64 too, of nothing that begins as a document does.
    let begins = |inner: &Vec<u8>| gzip::is_compressed(inner) || inner.starts_with(b"#") || inner.starts_with(b"{");
    let letters: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(letters).ok().filter(begins).unwrap_or(bytes)
}

/// One document; what a `sound` one does is read.
fn document(name: String, bytes: &[u8], text: &str, sound: bool, path: &Path) -> Result<Document, Error> {
    let doing = || format!("reading {name} of {}", path.display());
    let decoded = if !sound {
        None
    } else if text.starts_with("#cloud-config") {
        Some(cloud_init::decode(text).doing(doing)?)
    } else if ignition::is_config(text) {
        Some(of_ignition(ignition::decode(text).doing(doing)?))
    } else {
        None
    };
    let (machine, files) = match decoded {
        Some(Decoded { hostname, files, commands }) => {
            let shown = files
                .iter()
                .map(|file| ShownFile { path: file.path.clone(), file: MachineFile::of(file.mode, &file.content) })
                .collect();
            let commands = commands.iter().map(|command| command.iter().map(|word| redact(word)).collect()).collect();
            (Some(Shown { hostname, files: shown, commands }), files)
        }
        None => (None, Vec::new()),
    };
    let sha256 = crate::handover::digest(bytes);
    Ok(Document { name, size: bytes.len(), sha256, machine, text: text.to_owned(), files })
}

/// The same of an Ignition config, whose units are files of systemd's.
fn of_ignition(config: ignition::Decoded) -> Decoded {
    let enabled = config.units.iter().filter(|unit| unit.enabled).map(|unit| vec!["enable".to_owned(), unit.name.clone()]);
    let commands = enabled.collect();
    let units = config.units.iter().flat_map(crate::seed::unit_files).collect::<Vec<_>>();
    Decoded { hostname: config.hostname, files: config.files.into_iter().chain(units).collect(), commands }
}

fn list(found: &Found) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string cannot fail");
    if let Some(label) = &found.label {
        line(format!("volume {label}"));
    }
    for document in &found.documents {
        line(format!("{} ({} bytes)", document.name, document.size));
        let Some(machine) = &document.machine else { continue };
        if !machine.hostname.is_empty() {
            line(format!("  hostname {}", machine.hostname));
        }
        for ShownFile { path, file } in &machine.files {
            line(format!("  {} {:>8}  {path}", file.mode, file.size));
        }
        for command in &machine.commands {
            line(format!("  run {}", command.join(" ")));
        }
    }
    out
}

fn show(found: &Found, path: &str) -> Result<String, Error> {
    let documents = found.documents.iter().filter(|d| d.name == path).map(|d| d.text.clone());
    let written = found.documents.iter().flat_map(|d| &d.files).filter(|file| file.path == path);
    let text = documents.chain(written.map(|file| String::from_utf8_lossy(&file.content).into_owned())).next();
    text.map(|text| redact(&text))
        .ok_or_else(|| Error::new(format!("there is no `{path}` in it")).help("leave out `--show` to list what there is"))
}

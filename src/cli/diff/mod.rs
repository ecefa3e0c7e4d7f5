//! `kubespore diff`: what a render would change, without rendering.
//!
//! In: a profile, its bundle, and the directory of an earlier render. Out: every file that would differ, and of texts, also
//! of those inside a seed, the lines; secrets are blanked out. Exit code 1 when anything differs, as with `diff`. Absent on
//! purpose: writing; nodes that are new get their secrets in memory alone.

mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;

use super::bundle::{self, Origin};
use super::profile::{Loaded, load};
use super::render::{assemble, usual_place};
use super::{Failure, ProfileArgs, Talk};
use crate::error::Error;
use crate::handover::{self, Manifest};
use crate::out::{self, MANIFEST};
use crate::plan::plan;
use crate::redact::redact;
use crate::seed::{cloud_init, ignition, unit_files};
use crate::tree::Tree;

#[derive(Args, Debug)]
pub struct DiffArgs {
    #[command(flatten)]
    profile: ProfileArgs,

    /// The directory to compare with [default: out/<cluster>]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    bundle: bundle::BundleArgs,

    /// Compare this node only; may be given more than once
    #[arg(long, value_name = "NAME")]
    node: Vec<String>,

    /// Name what differs and show no lines
    #[arg(long)]
    brief: bool,
}

pub fn run(args: &DiffArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, source } = load(&args.profile, talk)?;
    super::render::check_names(&args.node, &spec)?;
    let target = args.output.clone().unwrap_or_else(|| usual_place(&spec));
    if !target.join(MANIFEST).is_file() {
        let what = format!("comparing with {}: nothing has been rendered there yet", target.display());
        return Err(Error::new(what).help("name the directory of an earlier render with `--output`").into());
    }
    let bundle = bundle::obtain(&args.bundle, &args.profile.profile, &spec, Origin::Rehearsed, talk)?;
    let old = out::read(&target)?;
    let digest = handover::digest(source.text.as_bytes());
    let new = assemble(&plan(&spec, &bundle), &digest, &[], None, was_fitted(&old), &|_| {})?;
    let mut text = String::new();
    for (place, changes) in changes(&old, &new, &args.node) {
        text.push_str(&format!("{place}\n"));
        for change in changes {
            change.write(args.brief, &mut text);
        }
    }
    talk.data(text.as_bytes())?;
    if text.is_empty() { Ok(()) } else { Err(Failure::Refused) }
}

/// Whether the earlier render was one with `--fit`, and had to do something for it.
fn was_fitted(old: &Tree) -> bool {
    let manifest = old.get(MANIFEST).and_then(|bytes| serde_json::from_slice::<Manifest>(bytes).ok());
    let fitted = |node: &handover::Node| node.size.given.as_ref().is_some_and(|given| !given.fitted.is_empty());
    manifest.is_some_and(|manifest| manifest.nodes.values().any(fitted))
}

/// One file that differs, on one side or on both.
struct Change<'t> {
    name: String,
    old: Option<&'t [u8]>,
    new: Option<&'t [u8]>,
}

/// Groups what differs by node; what belongs to none comes first.
fn changes<'t>(old: &'t Tree, new: &'t Tree, only: &[String]) -> BTreeMap<String, Vec<Change<'t>>> {
    let mut all: BTreeMap<String, Vec<Change<'t>>> = BTreeMap::new();
    let paths: BTreeSet<&str> = old.iter().chain(new.iter()).map(|(path, _)| path.as_str()).collect();
    for path in paths {
        let (before, after) = (old.get(path), new.get(path));
        let (place, name) = match path.strip_prefix("nodes/").and_then(|rest| rest.split_once('/')) {
            Some((node, file)) => (node, file),
            None => (".", path),
        };
        if before != after && (only.is_empty() || only.iter().any(|node| node == place)) {
            all.entry(place.to_owned()).or_default().push(Change { name: name.to_owned(), old: before, new: after });
        }
    }
    all
}

impl Change<'_> {
    fn write(&self, brief: bool, out: &mut String) {
        let (old, new) = match (self.old, self.new) {
            (Some(old), Some(new)) => (old, new),
            (None, _) => return out.push_str(&format!("  new      {}\n", self.name)),
            (_, None) => return out.push_str(&format!("  gone     {}\n", self.name)),
        };
        out.push_str(&format!("  changed  {}\n", self.name));
        // The manifest's lines are digests of what is said elsewhere.
        if brief || self.name == MANIFEST {
            return;
        }
        match (machine(old), machine(new)) {
            (Some(old), Some(new)) => inside(&old, &new, out),
            _ => match (std::str::from_utf8(old), std::str::from_utf8(new)) {
                (Ok(old), Ok(new)) => shown(old, new, "    ", out),
                _ => out.push_str(&format!("    {} bytes, now {}\n", old.len(), new.len())),
            },
        }
    }
}

/// What a seed's main document does, as files and commands; nothing for any other text.
fn machine(document: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = std::str::from_utf8(document).ok()?;
    let (hostname, files, commands) = if text.starts_with("#cloud-config") {
        let decoded = cloud_init::decode(text).ok()?;
        let commands: Vec<_> = decoded.commands.iter().map(|words| words.join(" ") + "\n").collect();
        (decoded.hostname, decoded.files, commands.concat())
    } else if ignition::is_config(text) {
        let decoded = ignition::decode(text).ok()?;
        let enabled: Vec<_> = decoded.units.iter().filter(|unit| unit.enabled).map(|unit| unit.name.clone() + "\n").collect();
        let units = decoded.units.iter().flat_map(unit_files).collect::<Vec<_>>();
        (decoded.hostname, decoded.files.into_iter().chain(units).collect(), enabled.concat())
    } else {
        return None;
    };
    let mut all: BTreeMap<_, _> =
        files.iter().map(|file| (file.path.clone(), String::from_utf8_lossy(&file.content).into_owned())).collect();
    all.insert("(host name)".to_owned(), hostname);
    all.insert("(commands)".to_owned(), commands);
    // Everything else in the document: modes, users, groups.
    let modes = files.iter().map(|file| format!("{:04o} {}\n", file.mode, file.path)).collect::<Vec<_>>();
    all.insert("(modes)".to_owned(), modes.concat());
    Some(all)
}

/// The files on the machine, one by one.
fn inside(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>, out: &mut String) {
    let before = out.len();
    for path in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        match (old.get(path), new.get(path)) {
            (Some(old), Some(new)) if old != new => {
                out.push_str(&format!("    changed  {path}\n"));
                shown(old, new, "      ", out);
            }
            (None, _) => out.push_str(&format!("    new      {path}\n")),
            (_, None) => out.push_str(&format!("    gone     {path}\n")),
            _ => {}
        }
    }
    if out.len() == before {
        out.push_str("    only in what it writes beside files: users or their keys\n");
    }
}

fn shown(old: &str, new: &str, indent: &str, out: &mut String) {
    let (old, new) = (redact(old), redact(new));
    if old == new {
        out.push_str(&format!("{indent}in secrets alone\n"));
    }
    for (sign, line) in lines::differing(&old, &new) {
        out.push_str(&format!("{indent}{sign} {line}\n"));
    }
}

//! One machine's directory: its seed in its system's format, and every form in which it is delivered.
//!
//! In: a plan. Out: files, and what the manifest says of them. Absent on purpose: what a machine is given
//! (`compose`), and the directory of the whole cluster.

mod beside;

use std::collections::BTreeMap;

use crate::compose::{self, Wording};
use crate::delivery::{self, Delivery};
use crate::error::Error;
use crate::fit::{self, Placed};
use crate::handover::{DeliveredFile, Given, MachineFile, Node, Size};
use crate::host::{File, Machine};
use crate::os::FirstBootProgram;
use crate::os::Os;
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::platform::{Format, Handed, Platform, Refused};
use crate::profile::spec::{Discovery, Distribution};
use crate::rotation;
use crate::secrets;
use crate::seed::{cloud_init, ignition};
use crate::tree::{RelPath, Tree};

/// Makes one machine's directory; `may_shrink` allows what `fit` does to make it small enough for its platform.
///
/// # Errors
/// When the seed does not fit an image or its platform; the error says what takes the bytes.
pub fn of(plan: &ClusterPlan<'_>, node: &NodePlan<'_>, may_shrink: bool) -> Result<(Tree, Node), Error> {
    let placed = node.platform.map(|platform| {
        fit::place(plan, node, platform, may_shrink).map_err(|why| too_large(plan, node, platform, why, may_shrink))
    });
    let placed = placed.transpose()?;
    let wording = placed.as_ref().map_or(Wording::Full, |placed| placed.wording);
    let machine = compose::worded(plan, node, wording);
    let seed = encode(&machine, node.program);
    let mut tree = seed.documents.clone();
    let mut hows = BTreeMap::from([(seed.format.document().to_owned(), by_hand(node.os))]);
    for delivery in deliveries(node, seed.format) {
        let image = delivery.make(node.os, &machine, &seed.documents).map_err(|error| named(error, node))?;
        tree.add(RelPath::new(delivery.file), image);
        hows.insert(delivery.file.to_owned(), delivery.how(node.os));
    }
    let document = seed.documents.get(seed.format.document()).expect("every format has its main document");
    let given = node.platform.zip(placed.as_ref()).map(|(platform, placed)| given(platform, placed));
    if let Some((platform, placed)) = node.platform.zip(placed) {
        let name = match seed.format {
            Format::CloudInit => platform.cloud_init_file,
            Format::Ignition => platform.ignition_file,
        };
        hows.insert(format!("platform/{name}"), (platform.how)(&Handed { os: node.os, form: placed.encoded.form }));
        if let Some((name, bytes)) = beside::of(platform, seed.format, &machine, &placed.encoded.bytes) {
            tree.add(RelPath::new(format!("platform/{name}")), bytes);
        }
        tree.add(RelPath::new(format!("platform/{name}")), placed.encoded.bytes);
    }
    if let Some(manifest) = secrets::late_token_manifest(plan.spec, plan.bundle, node.spec) {
        tree.add(RelPath::new("bootstrap-token.yaml"), manifest);
    }
    if let Some(script) = rotation::script(plan, node) {
        tree.add(RelPath::new(rotation::SCRIPT), script);
    }
    if let Some(line) = compose::join_command(plan, node) {
        tree.add(RelPath::new("join-command"), line);
    }
    let entry = Node {
        role: node.spec.role.as_str().into(),
        address: node.spec.address.to_string(),
        os: node.os.name.into(),
        instance_id: machine.instance_id.clone(),
        secrets: node.holds.classes(),
        size: size(document, node.platform, given),
        files: tree
            .iter()
            .map(|(path, bytes)| (path.to_string(), DeliveredFile::of(bytes, hows.remove(path.as_str()))))
            .collect(),
        machine: seed.files.iter().map(|file| (file.path.clone(), MachineFile::of(file.mode, &file.content))).collect(),
    };
    Ok((tree, entry))
}

/// A machine in its format's terms.
struct Seed {
    format: Format,
    documents: Tree,
    /// What the first-boot program writes.
    files: Vec<File>,
}

fn encode(machine: &Machine, program: FirstBootProgram) -> Seed {
    match program {
        FirstBootProgram::CloudInit => {
            Seed { format: Format::CloudInit, documents: cloud_init::encode(machine), files: cloud_init::files(machine) }
        }
        FirstBootProgram::Ignition { usual, network, .. } => {
            let mut documents = Tree::new();
            documents.add(RelPath::new("config.ign"), ignition::encode(machine, usual, network));
            Seed { format: Format::Ignition, documents, files: ignition::files(machine, network) }
        }
    }
}

/// How a machine of that system is given the documents themselves, in words.
fn by_hand(os: &Os) -> String {
    match Format::of(os.first_boot) {
        Format::CloudInit => "with the three documents beside it, what any other way of cloud-init's NoCloud takes".to_owned(),
        Format::Ignition => format!("the config itself; QEMU takes it as `-fw_cfg name={},file=FILE`", os.firmware_config),
    }
}

fn deliveries<'a>(node: &'a NodePlan<'_>, format: Format) -> impl Iterator<Item = &'static Delivery> + 'a {
    let words: Vec<&str> = match &node.spec.deliver {
        Some(words) => words.iter().map(String::as_str).collect(),
        None => delivery::usual(format).to_vec(),
    };
    words.into_iter().map(|word| delivery::find(word).expect("the profile's check knows the form"))
}

fn named(error: Error, node: &NodePlan<'_>) -> Error {
    Error::new(format!("rendering {}: {}", node.spec.name, error.what)).help(error.help)
}

/// The size line: plain, compressed, each as text too, and what the platform allows.
fn size(document: &[u8], platform: Option<&Platform>, given: Option<Given>) -> Size {
    let compressed = crate::gzip::compress(document).len();
    Size {
        plain: document.len(),
        gzip: compressed,
        base64: document.len().div_ceil(3) * 4,
        gzip_base64: compressed.div_ceil(3) * 4,
        platform: platform.map(|platform| platform.name.to_owned()),
        limit: platform.and_then(|platform| platform.limit).map(|limit| limit.bytes),
        given,
    }
}

fn given(platform: &Platform, placed: &Placed) -> Given {
    Given {
        form: placed.encoded.form.as_str().into(),
        counted: placed.encoded.counted,
        counted_as: platform.limit.map(|_| platform.counts(placed.encoded.form).as_str().into()),
        fitted: placed.ways.iter().map(|way| way.words().to_owned()).collect(),
    }
}

/// Over the limit: names what takes the bytes, the largest first, and what would help.
fn too_large(plan: &ClusterPlan<'_>, node: &NodePlan<'_>, platform: &Platform, why: Refused, shrunk: bool) -> Error {
    let what = format!("rendering {} for {}", node.spec.name, platform.name);
    let Refused::TooLarge { form, size, limit } = why else {
        return Error::new(format!("{what}: it cannot hand such a seed to the machine")).help(from_an_image(node));
    };
    let files = encode(&compose::machine(plan, node), node.program).files;
    let mut largest: Vec<_> = files.iter().map(|file| (crate::gzip::compress(&file.content).len(), &file.path)).collect();
    largest.sort_by(|a, b| b.cmp(a));
    let list: Vec<_> = largest.iter().take(5).map(|(bytes, path)| format!("{path} {bytes}")).collect();
    let at_best = if shrunk { "at its smallest, " } else { "" };
    Error::new(format!(
        "{what}: {at_best}as {} it has {size} bytes, {} more than the {limit} that fit; compressed, the largest files are {}",
        form.as_str(),
        size - limit,
        list.join(", ")
    ))
    .help(remedies(plan, node, shrunk).join("; "))
}

/// What this cluster can do about it, what costs least first. `pki.distribution: reduced` is not among it: what replaces the
/// keys is larger than they are.
fn remedies(plan: &ClusterPlan<'_>, node: &NodePlan<'_>, shrunk: bool) -> Vec<String> {
    let joins = matches!(node.act, Act::Found | Act::JoinControlPlane | Act::JoinWorker);
    let embedded = plan.spec.pki.distribution == Distribution::Embedded;
    let remedies = [
        (!shrunk, "`--fit` makes it smaller, the machine being the same"),
        (
            !(plan.spec.files.is_empty() && node.spec.files.is_empty() && plan.spec.manifests.is_empty()),
            "`files` and `manifests` of your own can be in the machine's image",
        ),
        (joins && plan.spec.join.discovery == Discovery::File, "`join.discovery: token` leaves the discovery document out"),
        (embedded && node.act == Act::JoinControlPlane, "`pki.distribution: certificate-key` leaves the authorities' keys out"),
    ];
    let applying = remedies.into_iter().filter(|(applies, _)| *applies).map(|(_, words)| words.to_owned());
    applying.chain(std::iter::once(from_an_image(node))).collect()
}

/// The way around a platform's limit. What `deliver` has made already changes nothing while `platform` is there.
fn from_an_image(node: &NodePlan<'_>) -> String {
    let images: Vec<_> = delivery::ALL.iter().filter(|delivery| delivery.is_for(node.os)).map(|delivery| delivery.name).collect();
    format!(
        "a medium has no limit, where the machine can be given one: leave `platform` out, and let `deliver` name {}",
        either(&images)
    )
}

fn either(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

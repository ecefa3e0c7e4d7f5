//! One machine's directory: its seed in its system's format, and every form in which it is delivered.
//!
//! In: a plan. Out: files, and what the manifest says of them. Absent on purpose: what a machine is given
//! (`compose`), and the directory of the whole cluster.

use crate::compose;
use crate::delivery::{self, Delivery};
use crate::error::Error;
use crate::handover::{DeliveredFile, MachineFile, Node, Size};
use crate::host::{File, Machine};
use crate::os::FirstBootProgram;
use crate::plan::{ClusterPlan, NodePlan};
use crate::platform::{self, Format, Platform, Refused};
use crate::secrets;
use crate::seed::{cloud_init, ignition};
use crate::tree::{RelPath, Tree};

/// Makes one machine's directory.
///
/// # Errors
/// When the seed does not fit an image or its platform; the error says what takes the bytes.
pub fn of(plan: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Result<(Tree, Node), Error> {
    let machine = compose::machine(plan, node);
    let seed = encode(&machine, node.program);
    let mut tree = seed.documents.clone();
    for delivery in deliveries(node, seed.format) {
        let image = delivery.make(&machine, &seed.documents).map_err(|error| named(error, node))?;
        tree.add(RelPath::new(delivery.file), image);
    }
    let document = seed.documents.get(seed.main).expect("every format has its main document");
    if let Some(platform) = node.platform {
        let encoded =
            platform::fit(platform, seed.format, document).map_err(|why| too_large(node, platform, why, &seed.files))?;
        let name = match seed.format {
            Format::CloudInit => platform.cloud_init_file,
            Format::Ignition => platform.ignition_file,
        };
        tree.add(RelPath::new(format!("platform/{name}")), encoded.bytes);
    }
    if let Some(manifest) = secrets::late_token_manifest(plan.spec, plan.bundle, node.spec) {
        tree.add(RelPath::new("bootstrap-token.yaml"), manifest);
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
        size: size(document, node.platform),
        files: tree.iter().map(|(path, bytes)| (path.to_string(), DeliveredFile::of(bytes))).collect(),
        machine: seed.files.iter().map(|file| (file.path.clone(), MachineFile::of(file.mode, &file.content))).collect(),
    };
    Ok((tree, entry))
}

/// A machine in its format's terms.
struct Seed {
    format: Format,
    documents: Tree,
    /// The document that everything is in.
    main: &'static str,
    /// What the first-boot program writes.
    files: Vec<File>,
}

fn encode(machine: &Machine, program: FirstBootProgram) -> Seed {
    match program {
        FirstBootProgram::CloudInit => Seed {
            format: Format::CloudInit,
            documents: cloud_init::encode(machine),
            main: "user-data",
            files: cloud_init::files(machine),
        },
        FirstBootProgram::Ignition { usual, network, .. } => {
            let mut documents = Tree::new();
            documents.add(RelPath::new("config.ign"), ignition::encode(machine, usual, network));
            Seed { format: Format::Ignition, documents, main: "config.ign", files: ignition::files(machine, network) }
        }
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

/// The size line: plain, compressed, as text, and what the platform allows.
fn size(document: &[u8], platform: Option<&Platform>) -> Size {
    let compressed = crate::gzip::compress(document).len();
    Size {
        plain: document.len(),
        gzip: compressed,
        gzip_base64: compressed.div_ceil(3) * 4,
        platform: platform.map(|platform| platform.name.to_owned()),
        limit: platform.and_then(|platform| platform.limit).map(|limit| limit.bytes),
    }
}

/// Over the limit: names what takes the bytes, the largest first.
fn too_large(node: &NodePlan<'_>, platform: &Platform, why: Refused, files: &[File]) -> Error {
    let what = format!("rendering {} for {}", node.spec.name, platform.name);
    let Refused::TooLarge { form, size, limit } = why else {
        return Error::new(format!("{what}: it cannot hand such a seed to the machine"))
            .help("boot the machine from an image: `deliver`");
    };
    let mut largest: Vec<_> = files.iter().map(|file| (crate::gzip::compress(&file.content).len(), &file.path)).collect();
    largest.sort_by(|a, b| b.cmp(a));
    let list: Vec<_> = largest.iter().take(5).map(|(bytes, path)| format!("{path} {bytes}")).collect();
    Error::new(format!(
        "{what}: as {} it has {size} bytes, {} more than the {limit} that fit; compressed, the largest files are {}",
        form.as_str(),
        size - limit,
        list.join(", ")
    ))
    .help("`deliver` puts the seed into an image, which has no limit; large `files` of your own can be in the machine's image")
}
